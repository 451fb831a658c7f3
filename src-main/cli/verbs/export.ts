import { type Command, Option } from "commander";
import type { Precision } from "../../contract/recipe";
import { outFile, shownPath } from "../out-folder";
import { absolutePath } from "../paths";
import { addVerb, type Perform } from "../verb";
import { megabytes } from "../words";

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
    .option("--out <file>", "file to write (default: a new file in the current folder)")
    .action(({ weights, precision, out }: { weights: string; precision: Precision; out?: string }) =>
      perform(async (session) => {
        const { world } = session;
        const file = outFile(world, out, "student", "safetensors");
        const result = await session.call("exportWeights", { weights: absolutePath(weights, world.cwd), precision, out: file });
        return { json: result, text: `Weights: ${shownPath(world, result.path)} (${megabytes(result.bytes)})` };
      }),
    );
}
