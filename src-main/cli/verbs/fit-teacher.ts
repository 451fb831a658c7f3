/** What `train-teacher --data` does: a linear last layer on the features of a backbone. */
import type { DataFormat } from "../../contract/data-formats";
import type { FitRequest } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import { FINE_TUNED, FINE_TUNING } from "../../contract/fine-tuning";
import type { Candidate, FineTuning, FittedTeacher } from "../../contract/fitted-teacher";
import type { Recipe } from "../../contract/recipe";
import { chosenInWords, fineTuningInWords, noBetterInWords } from "../../contract/teacher";
import { runFolder, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { completeRecipe } from "../recipe-file";
import type { Session } from "../session";
import { duration, percent, table } from "../words";
import type { World } from "../world";
import { confusionsOf } from "./evaluate";

export interface FitOptions {
  data: string;
  from?: string;
  model?: string;
  imageSize?: number;
  skipUnreadable?: true;
  format: DataFormat;
  out?: string;
  set: string[];
  fineTune?: (typeof FINE_TUNE)[number];
  epochs?: number;
}

export const FINE_TUNE = ["none", ...FINE_TUNED] as const;

export const fitOnData = (session: Session, options: FitOptions): Promise<FittedTeacher> => session.fit(requestOf(options, session.world));

const isTrainedOn = ({ fineTune = "none" }: FitOptions): boolean => fineTune !== "none";

function requestOf(options: FitOptions, world: World): FitRequest {
  const { data, from = "bundled", model, imageSize, skipUnreadable, format, out, set, fineTune = "none", epochs } = options;
  if (epochs !== undefined && !isTrainedOn(options)) throw new UsageError("--epochs needs --fine-tune last or all: a last layer alone is fitted without any");
  for (const assignment of set) expectTaken(assignment, isTrainedOn(options));
  const written = { data: { path: data, format, ...(skipUnreadable && { skipUnreadable }) }, student: { model: "resnet8_cifar10" } };
  const recipe = completeRecipe(written, set, world.cwd);
  return {
    data: recipe.data,
    seed: recipe.train.seed,
    from: from === "bundled" ? from : absolutePath(from, world.cwd),
    model,
    imageSize,
    fineTune: fineTune === "none" ? null : { stages: fineTune, epochs: epochs ?? FINE_TUNING.epochs, learningRate: learningRateOf(recipe, set) },
    ...runFolder(world, { out }, "teacher"),
  };
}

/** A recipe's own default is for networks that begin with nothing. */
function learningRateOf({ train }: Recipe, set: readonly string[]): number {
  return set.some((assignment) => assignment.startsWith(LEARNING_RATE)) ? train.learningRate : FINE_TUNING.learningRate;
}

const LEARNING_RATE = "train.learningRate=";

/** The rest of a recipe says how a network is trained. */
function expectTaken(assignment: string, isTrainedOn: boolean): void {
  if (assignment.startsWith("data.path=")) throw new UsageError(`--set ${assignment}: --data names the folder; give it there`);
  if (!isTrainedOn && assignment.startsWith(LEARNING_RATE))
    throw new UsageError(`--set ${assignment} needs --fine-tune last or all: a last layer alone is fitted without a learning rate`);
  if (/^(data\.|train\.seed=)/.test(assignment) || (isTrainedOn && assignment.startsWith(LEARNING_RATE))) return;
  const more = isTrainedOn ? " and train.learningRate" : "";
  throw new UsageError(`--set ${assignment} has no effect with --data: only keys of data, as data.testShare, and train.seed${more} have one there`);
}

export function fitText(found: FittedTeacher, world: World): string {
  const { classes, test, seconds, features, directory, report, fineTuning } = found;
  const confused = confusionsOf(classes, test.confusion);
  const computed = features.known > 0 ? `, ${features.known} features were kept by an earlier start` : "";
  const none = noBetterInWords(found);
  return [
    figures(found),
    ...(none ? [none] : []),
    chosenInWords(found),
    ...(fineTuning ? [`${fineTuningInWords(fineTuning, found)}\n${table(candidates(fineTuning, found))}`] : []),
    ...(confused.length > 0 ? [`Most often taken for another class (--json and the report have the whole matrix):\n${table(confused)}`] : []),
    ...(found.warnings.length > 0 ? [`These figures say less than they seem to:\n${found.warnings.map((text) => `- ${text}`).join("\n")}`] : []),
    `Time: ${duration(seconds.total)} (features ${duration(seconds.features)}${computed}; last layer ${duration(seconds.fit)}${fineTuning ? `; fine-tuning ${duration(fineTuning.seconds)}` : ""})`,
    `Folder: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`,
  ].join("\n\n");
}

/** A row for the last layer alone, and one for the network that was trained on. */
function candidates({ lastLayer, fineTuned }: FineTuning, { heldBack }: FittedTeacher): string[][] {
  const on = heldBack ? "held back" : "validation";
  const row = (name: string, { validation, temperature, testAccuracy }: Candidate) => [
    name,
    percent(validation.accuracy),
    validation.loss.toFixed(4),
    validation.calibrated?.loss.toFixed(4) ?? "–",
    temperature?.toFixed(2) ?? "–",
    percent(testAccuracy),
  ];
  const head = ["", `${on}: accuracy`, "loss", "loss at temperature", "temperature", "test: accuracy"];
  return [head, row("last layer alone", lastLayer), ...(fineTuned ? [row("fine-tuned", fineTuned)] : [])];
}

/** A column for each set of images. */
function figures({ test, validation, images, heldBack, temperature }: FittedTeacher): string {
  const columns = [test, ...(validation ? [validation] : [])];
  const row = (name: string, of: (column: (typeof columns)[number]) => string) => [name, ...columns.map(of)];
  const rows = [
    ["", "test", ...(validation ? [heldBack ? "held back" : "validation"] : [])],
    ["images", String(images.test), ...(validation ? [String(images.validation)] : [])],
    row("accuracy", ({ accuracy }) => percent(accuracy)),
    row("loss", ({ loss }) => loss.toFixed(4)),
    row("calibration error (ECE)", ({ calibrationError }) => percent(calibrationError)),
  ];
  if (temperature === null) return table(rows);
  const at = `at temperature ${temperature.toFixed(2)}`;
  return table([
    ...rows,
    row(`loss ${at}`, ({ calibrated }) => calibrated!.loss.toFixed(4)),
    row(`calibration error ${at}`, ({ calibrated }) => percent(calibrated!.calibrationError)),
  ]);
}
