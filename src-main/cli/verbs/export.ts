import path from "node:path";
import { type Command, Option } from "commander";
import type { TensorCounts } from "../../contract/engine";
import {
  type ExportFormatName,
  type ExportOptions,
  exportFormatNamed,
  exportFormatNames,
  exportFormats,
  exportOptionNames,
  exportSwitches,
  type WeightsOf,
  weightsOfNames,
  weightsOfRun,
} from "../../contract/exports";
import { UsageError } from "../../contract/failure";
import type { Precision } from "../../contract/recipe";
import { wholeNumber } from "../flags";
import { outFile, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import type { Session } from "../session";
import { addVerb, type Outcome, type Perform } from "../verb";
import { megabytes, percent } from "../words";

/** Endings of files of weights, of which .pth.tar has two. */
const ENDING = /(\.(safetensors|onnx|pth|pt|bin|ckpt|tar))+$/i;

interface Options extends ExportOptions {
  run?: string;
  seed?: number;
  weightsOf?: WeightsOf;
  weights?: string;
  model?: string;
  format: ExportFormatName;
  out?: string;
}

export function addExport(program: Command, perform: Perform): void {
  const verb = addVerb(program, "export", "write a trained model for use in other programs", "export --run runs/demo --format safetensors");
  const formats = exportFormatNames.map((name) => `${name}: ${exportFormats[name].words}`);
  const weights = weightsOfNames.map((name) => `${name}: ${weightsOfRun[name]}`);
  verb
    .option("--run <dir>", "a run, or a comparison, which means its student")
    .option("--seed <number>", "of a run with several seeds, which", wholeNumber(0, 4_294_967_295))
    .addOption(new Option("--weights-of <name>", `${weights.join("; ")} (default: last)`).choices(weightsOfNames))
    .option("--weights <file>", 'instead of --run: a safetensors or PyTorch file, such as a teacher\'s, or hf:owner/name, or "bundled"')
    .option("--model <name>", "of which the weights are, where they do not say it themselves")
    .addOption(new Option("--format <name>", formats.join("; ")).choices(exportFormatNames).default("safetensors"))
    .addOption(new Option("--precision <name>", "as safetensors: precision of the weights (default: bf16)").choices(["bf16", "fp32"]))
    .option("--raw-input", `as onnx: ${exportSwitches.rawInput}`)
    .option("--softmax", `as onnx: ${exportSwitches.softmax}`)
    .option("--int8", `as onnx: ${exportSwitches.int8}`)
    .option("--out <path>", "file or folder to write (default: a new one in the current folder, named like the run or the weights)")
    .action((options: Options) => perform((session) => exported(session, options)));
}

async function exported(session: Session, given: Options): Promise<Outcome> {
  const { world } = session;
  const { run, seed, weightsOf, weights, model, format } = given;
  const options: ExportOptions = Object.fromEntries(exportOptionNames.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
  if ((run === undefined) === (weights === undefined))
    throw new UsageError("expected --run, the folder of a run, or --weights, a file of weights, and not both");
  const misplaced = weights === undefined ? { model } : { seed, "weights-of": weightsOf };
  const foreign = Object.entries(misplaced).find(([, value]) => value !== undefined)?.[0];
  if (foreign) throw new UsageError(`--${foreign} does not go with --${weights === undefined ? "run" : "weights"}`);
  const from = run ?? weights!;
  const stem = path.basename(path.resolve(world.cwd, from)).replace(ENDING, "") || "weights";
  const out = outFile(world, expectEnding(given.out, format), stem, exportFormatNamed(format).ending);
  const whole = weights === "bundled" ? weights : absolutePath(from, world.cwd);
  // Any tensors can be rewritten, whatever model they are of.
  if (weights !== undefined && weights !== "bundled" && format === "safetensors" && model === undefined) {
    const { precision = "bf16" } = options;
    const result = await session.write("exportWeights", { weights: whole, precision, out });
    return { json: result, text: `Weights: ${shownPath(world, result.path)} (${contentInWords(result, precision)}` };
  }
  const source = weights === undefined ? { run: whole, seed, weightsOf } : { weights: whole, model };
  const result = await session.write("exportModel", { source, format, options, out });
  const accuracy = result.testAccuracy === null ? "" : `, ${percent(result.testAccuracy)} of the test images right`;
  const what = exportFormatNamed(format).isUntrained ? exportFormatNamed(format).label : "Model";
  return { json: result, text: `${what}: ${shownPath(world, result.path)} (${result.model}, ${megabytes(result.bytes)}${accuracy})` };
}

/** "3.1 MB in bf16); 20 tensors stayed as they were (20 I64)" */
function contentInWords({ bytes, converted, kept }: { bytes: number } & TensorCounts, precision: Precision): string {
  const types = Object.entries(kept);
  const count = types.reduce((sum, [, each]) => sum + each, 0);
  if (count === 0) return `${megabytes(bytes)} in ${precision})`;
  const stayed = `${count === 1 ? "tensor" : "tensors"} stayed as ${count === 1 ? "it was" : "they were"} (${types.map(([type, each]) => `${each} ${type}`).join(", ")})`;
  if (converted > 0) return `${megabytes(bytes)} in ${precision}); ${count} ${stayed}`;
  return `${megabytes(bytes)}). Nothing in it is in ${precision}: ${count === 1 ? "its only" : `all ${count}`} ${stayed}; only floats of 16 bits and more are converted`;
}

/** A name that says another format would mislead whoever gets the file. */
function expectEnding(out: string | undefined, format: ExportFormatName): string | undefined {
  const { ending } = exportFormatNamed(format);
  if (out === "") throw new UsageError("--out is empty: expected a file or folder to write");
  const found = ENDING.exec(out ?? "")?.[0];
  if (out === undefined || out.toLowerCase().endsWith(ending ?? "")) return out;
  const meant = `${found ? out.slice(0, -found.length) : out}${ending}`;
  throw new UsageError(`--out ${out}: --format ${format} writes a file whose name ends with ${ending}: name it ${meant}`);
}
