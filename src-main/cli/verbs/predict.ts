import type { Command } from "commander";
import type { PredictResult } from "../../contract/answers";
import { UsageError } from "../../contract/failure";
import { likeSetting } from "../flags";
import { absolutePath } from "../paths";
import { addVerb, type Perform } from "../verb";
import { percent, table } from "../words";

export interface NetworkOptions {
  model?: string;
  weights: string;
  imageSize?: number;
  patchSize?: number;
  mean?: [number, number, number];
  std?: [number, number, number];
}

/** Options that name a network, its weights and the images that it expects. */
export function addNetworkOptions(verb: Command): Command {
  return addSizeOptions(
    verb
      .option("--model <name>", "name of the model; distill doctor lists all names (default: as the weights say)")
      .requiredOption("--weights <file>", 'a safetensors or PyTorch file (.pth, .pt, .bin), an ONNX file that this program exported, or "bundled"'),
  );
}

/** Options that say how a network sees its images. */
export function addSizeOptions(verb: Command): Command {
  return verb
    .option("--image-size <pixels>", "side length of the model's input images (default: the model's own)", likeSetting<number>("student.imageSize"))
    .option("--patch-size <pixels>", "side length of a patch, for vision transformers (default: the model's own)", likeSetting<number>("student.patchSize"))
    .option(
      "--mean <r,g,b>",
      "mean for normalisation, of values in 0 ... 1 (default: from the weights file, else CIFAR-10's)",
      likeSetting<[number, number, number]>("student.mean"),
    )
    .option(
      "--std <r,g,b>",
      "standard deviation for normalisation, of values in 0 ... 1 (default: from the weights file, else CIFAR-10's)",
      likeSetting<[number, number, number]>("student.std"),
    );
}

/** The network as the engine expects it. A relative path starts from the current folder. */
export function networkRequest({ model, weights, imageSize, patchSize, mean, std }: NetworkOptions, cwd: string) {
  return { model: model ?? null, weights: weights === "bundled" ? weights : absolutePath(weights, cwd), imageSize, patchSize, mean, std };
}

export function addPredict(program: Command, perform: Perform): void {
  const example = "predict --weights runs/teacher/teacher.safetensors cat.jpg dog.png";
  const verb = addVerb(program, "predict [files...]", "predict class probabilities of images", example);
  addNetworkOptions(verb)
    .option("--images <path...>", "image files, as without this word")
    .option("--temperature <number>", "divides the logits before the softmax (default: 1)", likeSetting<number>("distillation.temperature"))
    .action((files: string[], { images: more = [], ...options }: NetworkOptions & { images?: string[]; temperature?: number }) =>
      perform(async (session) => {
        const { cwd } = session.world;
        const given = [...files, ...more];
        if (given.length === 0) throw new UsageError("expected the image files, as in cat.jpg dog.png");
        const images = given.map((image) => ({ path: absolutePath(image, cwd) }));
        const result = await session.call("predict", { ...networkRequest(options, cwd), images, temperature: options.temperature });
        const givenAs = (whole: string) => given[images.findIndex((image) => image.path === whole)] ?? whole;
        const named = <T extends { path: string }>(each: T): T => ({ ...each, path: givenAs(each.path) });
        const shown = { ...result, images: result.images.map(named), unreadable: result.unreadable.map(named) };
        const problems = shown.unreadable.map(({ path, reason }) => `${path} cannot be read as an image: ${reason}`);
        return { json: predictionJson(shown), text: predictionText(shown), problems };
      }),
    );
}

function predictionJson({ model, classes, images, unreadable }: PredictResult) {
  return {
    model,
    classes,
    images: images.map(({ path, logits, probabilities }) => ({ path, logits, probabilities })),
    ...(unreadable.length > 0 && { unreadable }),
  };
}

/** The three most likely classes of each image. */
function predictionText({ classes, images }: PredictResult): string {
  const rows = images.map(({ path, probabilities }) => {
    const ranked = probabilities.map((probability, label) => ({ probability, label })).sort((a, b) => b.probability - a.probability);
    return [path, ...ranked.slice(0, 3).map(({ probability, label }) => `${classes[label]} ${percent(probability)}`)];
  });
  return table(rows);
}
