import { type Command, Option } from "commander";
import type { EvaluateResult, ModelAnswers, ModelPair, ModelScores } from "../../contract/answers";
import { type DataFormat, dataFormatChoices } from "../../contract/data-formats";
import type { EvaluateRequest } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import { mostConfused } from "../../contract/teacher";
import { collect, likeSetting } from "../flags";
import { absolutePath } from "../paths";
import { completeRecipe } from "../recipe-file";
import { addVerb, type Perform } from "../verb";
import { count, percent, table } from "../words";
import { addSizeOptions, type NetworkOptions, networkRequest } from "./predict";

export function addFormatOption(verb: Command): Command {
  const names = dataFormatChoices.map(({ value }) => value);
  const help = `how the images are stored: ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return verb.option("--format <name>", help, likeSetting<DataFormat>("data.format"), "auto");
}

/** A data folder as the engine expects it. A relative path starts from the current folder. */
export function dataPath(data: string, cwd: string): string {
  return data === "bundled" ? data : absolutePath(data, cwd);
}

interface EvaluateOptions extends Omit<NetworkOptions, "model" | "weights"> {
  model: string[];
  weights: string[];
  run: string[];
  data?: string;
  format: DataFormat;
  skipUnreadable?: true;
  set: string[];
}

export function addEvaluate(program: Command, perform: Perform): void {
  const example = "evaluate --model resnet18_cifar10 --weights bundled --data bundled";
  const verb = addVerb(
    program,
    "evaluate",
    "measure how good models are on the test images of a data set, side by side; computed in fp32, whatever they were trained in",
    example,
  );
  const repeated = (flags: string, help: string) => verb.addOption(new Option(flags, help).argParser(collect).default([], "none"));
  repeated("--model <name>", "name of a model; may be repeated, each with its --weights; distill doctor lists all names (default: as the weights say)");
  repeated("--weights <file>", 'a safetensors or PyTorch file (.pth, .pt, .bin), an ONNX file that this program exported, or "bundled"');
  repeated("--run <dir>", "a finished run, comparison or sweep: its students, and the teacher that they had; may be repeated");
  addFormatOption(addSizeOptions(verb))
    .option("--data <dir>", 'a folder, or "bundled"; images in no class folders get predictions alone (default: the data of --run)')
    .option("--skip-unreadable", "go on without the images that cannot be read")
    .addOption(
      new Option("--set <assignment>", `override one of ${SETTINGS.map((key) => `data.${key}`).join(", ")}; may be repeated`)
        .argParser(collect)
        .default([], "none"),
    )
    .action((options: EvaluateOptions) =>
      perform(async (session) => {
        const result = await session.call("evaluate", requestOf(options, session.world.cwd));
        return { json: evaluationJson(result), text: evaluationText(result) };
      }),
    );
}

function requestOf({ model: names, weights: files, run, data, format, skipUnreadable, set, ...sizes }: EvaluateOptions, cwd: string): EvaluateRequest {
  if (names.length > 0 && names.length !== files.length)
    throw new UsageError(
      `each --model needs its --weights: got ${count(names.length, "model")} and ${files.length} of weights; without any --model, the weights say what they are of`,
    );
  if (files.length + run.length === 0) throw new UsageError("what is evaluated is missing: expected --weights, or --run");
  if (data === undefined && run.length === 0) throw new UsageError("--data is missing: expected a folder with images, or bundled");
  const given = Object.values(sizes).some((value) => value !== undefined);
  if (given && files.length + run.length > 1)
    throw new UsageError("--image-size, --patch-size, --mean and --std are for one model: several take theirs from their weights; evaluate them one by one");
  return {
    models: files.map((weights, i) => networkRequest({ ...sizes, weights, ...(names[i] !== undefined && { model: names[i] }) }, cwd)),
    runs: run.map((directory) => absolutePath(directory, cwd)),
    data: data === undefined ? null : dataPath(data, cwd),
    format,
    skipUnreadable,
    ...(set.length > 0 && { settings: settingsIn(set, cwd) }),
  };
}

/** Settings of the data that say which images are tested. */
const SETTINGS = ["testShare", "splitSeed", "testLimit", "smallestSide"] as const;

function settingsIn(set: readonly string[], cwd: string): EvaluateRequest["settings"] {
  const keyIn = (assignment: string) => SETTINGS.find((key) => assignment.startsWith(`data.${key}=`));
  const other = set.find((assignment) => !keyIn(assignment));
  if (other) throw new UsageError(`--set ${other}: expected one of ${SETTINGS.map((key) => `data.${key}`).join(", ")}, which say what images are tested`);
  const { data } = completeRecipe({ data: { path: "bundled" }, student: { model: "resnet8_cifar10" } }, set, cwd);
  return Object.fromEntries(set.map((assignment) => [keyIn(assignment)!, data[keyIn(assignment)!]]));
}

/** The first model's main figures stand at the top, where they were when there was only one. */
function evaluationJson(result: EvaluateResult) {
  const { model, weights, imagesPerSecond, scores } = result.models[0]!;
  const main = scores && { accuracy: scores.accuracy, loss: scores.loss, perClass: scores.perClass };
  return { model, weights, ...main, imagesPerSecond, ...result };
}

// ---- Text -------------------------------------------------------------------------------------------------------------------------

function evaluationText(result: EvaluateResult): string {
  const { models, pairs, predictions } = result;
  const [first] = models;
  const alone = models.length === 1 && first!.scores ? aloneText(result, first!.scores) : [];
  const parts = [...testedInWords(result), summary(result), ...pairs.map(pairText), ...alone];
  if (models.length > 1 && first!.scores) parts.push(recallTable(models));
  if (predictions) parts.push(predictionTable(models, predictions));
  return parts.join("\n\n");
}

function testedInWords({ tested, images }: EvaluateResult): string[] {
  if (!tested) return [];
  const { path, drawn } = tested;
  const how = drawn ? `, a share of ${drawn.testShare} of each class (data.testShare), drawn by the seed ${drawn.splitSeed} (data.splitSeed)` : "";
  return [`Tested on ${count(images, "image")} of ${path}${how}.`];
}

/** A column for each model. */
function summary({ models, images, classes }: EvaluateResult): string {
  const row = (name: string, of: (scores: ModelScores) => string) => (models[0]!.scores ? [[name, ...models.map(({ scores }) => of(scores!))]] : []);
  return table([
    ["", ...models.map(({ name }) => name)],
    ...row("accuracy", ({ accuracy }) => percent(accuracy)),
    // Of five classes or fewer, the right one is always among the first five.
    ...(classes.length > 5 ? row("in its first five (top-5)", ({ top5 }) => percent(top5)) : []),
    ...row("loss", ({ loss }) => loss.toFixed(4)),
    ...row("calibration error (ECE)", ({ calibrationError }) => percent(calibrationError)),
    ["images", ...models.map(() => String(images))],
    ...(models.some(({ seen }) => seen) ? [["of them it was fitted to", ...models.map(({ seen }) => (seen ? String(seen.fitted) : "unknown"))]] : []),
    ["images/s", ...models.map(({ imagesPerSecond }) => String(Math.round(imagesPerSecond)))],
  ]);
}

function pairText({ first, second, agreement, onlyRight, mcNemar }: ModelPair): string {
  const agree = `${first} and ${second} give the same answer to ${percent(agreement)} of the images.`;
  if (!onlyRight || mcNemar === null) return agree;
  const chance = mcNemar < 0.001 ? "less than 0.1 %" : percent(mcNemar);
  return `${agree} Only ${first} is right on ${onlyRight[0]}, only ${second} on ${onlyRight[1]}: by chance alone, numbers at least so unequal would arise in ${chance} of all cases (McNemar).`;
}

const share = (value: number | null) => (value === null ? "" : percent(value));

function aloneText({ classes }: EvaluateResult, { perClass, confusion, reliability, mistakes }: ModelScores): string[] {
  const rows = perClass.map(({ name, count, precision, recall }) => [name, String(count), share(recall), share(precision)]);
  const sure = reliability.filter(({ count }) => count > 0);
  const bins = sure.map(({ low, high, count, confidence, accuracy }) => [
    `${percent(low)} to ${percent(high)}`,
    String(count),
    share(confidence),
    share(accuracy),
  ]);
  const parts = [
    table([["class", "images", "found (recall)", "right when named (precision)"], ...rows]),
    table([["how sure it is", "images", "on average", "right"], ...bins]),
  ];
  const confused = confusionsOf(classes, confusion);
  if (confused.length > 0) parts.push(`Most often taken for another class (--json has the whole matrix):\n${table(confused)}`);
  if (mistakes.length > 0)
    parts.push(
      `Wrong, and most sure of it:\n${table([["image", "is", "taken for", "sure"], ...mistakes.map((each) => [each.image, each.class, each.predicted, percent(each.confidence)])])}`,
    );
  return parts;
}

const CONFUSIONS = 10;

/** The most frequent confusions, for a table. */
export function confusionsOf(classes: readonly string[], confusion: readonly (readonly number[])[]): string[][] {
  return mostConfused(confusion, CONFUSIONS).map(({ label, predicted, images }) => [
    `${classes[label]} taken for ${classes[predicted]}`,
    count(images, "image"),
  ]);
}

function recallTable(models: readonly ModelAnswers[]): string {
  const [first] = models;
  const rows = first!.scores!.perClass.map(({ name, count }, label) => [
    name,
    String(count),
    ...models.map(({ scores }) => share(scores!.perClass[label]!.recall)),
  ]);
  return table([["recall of class", "images", ...models.map(({ name }) => name)], ...rows]);
}

function predictionTable(models: readonly ModelAnswers[], predictions: NonNullable<EvaluateResult["predictions"]>): string {
  const rows = predictions.map(({ image, answers }) => [image, ...answers.map(({ predicted, confidence }) => `${predicted} ${percent(confidence)}`)]);
  return table([["image", ...models.map(({ name }) => name)], ...rows]);
}
