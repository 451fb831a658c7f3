import path from "node:path";
import { type Command, Option } from "commander";
import type { TensorCounts } from "../../contract/engine";
import { UsageError } from "../../contract/failure";
import type { Precision } from "../../contract/recipe";
import { outFile, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { addVerb, type Perform } from "../verb";
import { megabytes } from "../words";

/** Endings of files of weights, of which .pth.tar has two. */
const ENDING = /(\.(safetensors|pth|pt|bin|ckpt|tar))+$/i;

export function addExport(program: Command, perform: Perform): void {
  const verb = addVerb(
    program,
    "export",
    "write a trained model's weights as a safetensors file of half the size",
    "export --weights runs/demo/student/student.safetensors",
  );
  verb
    .requiredOption("--weights <file>", "a safetensors or PyTorch file, such as a run's student.safetensors")
    .addOption(new Option("--precision <name>", "precision of the exported weights").choices(["bf16", "fp32"]).default("bf16"))
    .option("--out <file>", "safetensors file to write (default: a new file in the current folder, named like the weights)")
    .action(({ weights, precision, out }: { weights: string; precision: Precision; out?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const name = path.basename(weights).replace(ENDING, "") || "weights";
        const file = outFile(world, expectSafetensors(out), name, "safetensors");
        const result = await session.call("exportWeights", { weights: absolutePath(weights, world.cwd), precision, out: file });
        return { json: result, text: `Weights: ${shownPath(world, result.path)} (${contentInWords(result, precision)}` };
      }),
    );
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
function expectSafetensors(out: string | undefined): string | undefined {
  const ending = ENDING.exec(out ?? "")?.[0];
  if (out === undefined || ending === undefined || /\.safetensors$/i.test(ending)) return out;
  throw new UsageError(`--out ${out}: a safetensors file is written: name it ${path.basename(out, ending)}.safetensors`);
}
