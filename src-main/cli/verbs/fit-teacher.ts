/** What `train-teacher --data` does: a linear last layer on the features of a backbone. */
import type { DataFormat } from "../../contract/data-formats";
import type { FitRequest, FittedTeacher } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import { chosenInWords } from "../../contract/teacher";
import { EngineError } from "../../engine-client/client";
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
}

export async function fitOnData(session: Session, options: FitOptions): Promise<FittedTeacher> {
  try {
    return await session.call("fitTeacher", requestOf(options, session.world));
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "INTERRUPTED") throw error;
    const message = `${error.message}: no teacher was written. The features computed so far are kept: give the same command again to go on from there`;
    throw new EngineError({ code: "INTERRUPTED", message });
  }
}

function requestOf({ data, from = "bundled", model, imageSize, skipUnreadable, format, out, set }: FitOptions, world: World): FitRequest {
  for (const assignment of set) expectAboutData(assignment);
  const written = { data: { path: data, format, ...(skipUnreadable && { skipUnreadable }) }, student: { model: "resnet8_cifar10" } };
  const recipe = completeRecipe(written, set, world.cwd);
  return {
    data: recipe.data,
    seed: recipe.train.seed,
    from: from === "bundled" ? from : absolutePath(from, world.cwd),
    model,
    imageSize,
    ...runFolder(world, { out }, "teacher"),
  };
}

/** The rest of a recipe says how a network is trained. */
function expectAboutData(assignment: string): void {
  if (/^(data\.|train\.seed=)/.test(assignment)) return;
  throw new UsageError(`--set ${assignment} has no effect with --data: only keys of data, as data.testShare, and train.seed have one there`);
}

export function fitText(found: FittedTeacher, world: World): string {
  const { classes, test, seconds, features, directory, report } = found;
  const confused = confusionsOf(classes, test.confusion);
  const computed = features.known > 0 ? `, ${features.known} features were kept by an earlier start` : "";
  return [
    figures(found),
    chosenInWords(found),
    ...(confused.length > 0 ? [`Most often taken for another class (--json and the report have the whole matrix):\n${table(confused)}`] : []),
    `Time: ${duration(seconds.total)} (features ${duration(seconds.features)}${computed}; last layer ${duration(seconds.fit)})`,
    `Folder: ${shownPath(world, directory)}\nReport: ${shownPath(world, report)}`,
  ].join("\n\n");
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
