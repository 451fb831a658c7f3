import { InputError, UsageError } from "../contract/failure";
import { usualNormalization } from "../contract/families";
import { CIFAR10_NORMALIZATION, IMAGENET_NORMALIZATION, type Normalization, normalizationInWords } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { bundledTeacher, bundledTeachers } from "../data/assets";
import type { Rendering } from "../data/batches";
import type { Model } from "../models/model";
import type { Origin } from "../models/origin";
import { codeOf, createModel, type ModelOptions } from "../models/registry";
import { describeWeights, hashWeights, loadWeights, type WeightsDescription } from "../models/weights";

/** A model with the normalisation of its input; the input's side in pixels is the model's own. */
export interface Network {
  model: Model;
  normalization: Normalization;
}

/** How a network is shown images. */
export function renderingFor({ model, normalization }: Network, precision: Precision): Rendering {
  return { imageSize: model.imageSize, ...normalization, precision };
}

/** A network with its normalisation decided. */
export interface ChosenNetwork extends Network {
  /** If the normalisation was assumed because the weights do not record it: a sentence for the user. */
  assumption: string | null;
  /** What was chosen, dropped or assumed to read the weights, a sentence each. */
  notes: readonly string[];
  /** Which images the weights have learned from, if they record it. */
  origin: Origin | null;
}

/** A trained network: in evaluation mode and without gradients. */
export interface TrainedNetwork extends ChosenNetwork {
  /** Hash of the weights. */
  hash: string;
  /** Names in the order of the logits, if the weights record them. */
  classes: string[] | null;
  /** Side in pixels of the images that the weights were trained on, if they record it. */
  trainedAt: number | null;
}

/** Requested values; null and undefined leave them to the weights. */
export interface GivenNormalization {
  mean?: readonly number[] | null;
  std?: readonly number[] | null;
}

export interface TrainedNetworkOptions extends GivenNormalization {
  model: string;
  /** "bundled" or a safetensors file. */
  weights: string;
  /** Default: what the weights say, then the model's own; likewise for the patch. */
  imageSize?: number;
  patchSize?: number;
}

/** Builds a model for the weights and loads them. Throws an InputError if the file cannot be used, a UsageError if there is no such model. */
export function loadNetwork(options: TrainedNetworkOptions): TrainedNetwork {
  const path = weightsPath(options);
  const about = describeWeights(path, options.model, options.imageSize);
  if (about.classCount === null)
    throw new InputError(
      `weights ${path} do not fit ${options.model}: have no last layer (${codeOf(options.model).namings[0].head}), so the number of classes is unknown; their tensors are called ${about.firstNames.join(", ")} and so on`,
    );
  const sizes = { imageSize: options.imageSize ?? about.imageSize ?? undefined, patchSize: options.patchSize ?? about.patchSize };
  const model = build(options.model, { classes: about.classCount, ...sizes, seed: null }, options.imageSize || options.patchSize ? null : path);
  readInto(model, path);
  model.eval().requiresGrad(false);
  const { notes, classes, imageSize: trainedAt, origin } = about;
  return { model, ...normalizationOf(options, about, path), hash: hashWeights(model), notes, classes, trainedAt, origin };
}

/** The requested normalisation, otherwise what the weights say, otherwise the model's usual one. */
export function normalizationOf(
  given: GivenNormalization & { model: string },
  about: WeightsDescription,
  path: string,
): Pick<ChosenNetwork, "normalization" | "assumption"> {
  const [mean, std] = [given.mean ?? about.mean, given.std ?? about.std];
  if (mean && std) return { normalization: { mean, std }, assumption: null };
  const usual = usualNormalization(given.model);
  const normalization = { mean: mean ?? usual.mean, std: std ?? usual.std };
  const { unusableNormalization: unusable } = about;
  const reason = unusable.length > 0 ? `have an unusable ${unusable.join(" and ")} in their metadata` : "do not say how their images were normalised";
  const assumption = `the weights ${path} ${reason}, so they are used with ${normalizationInWords(normalization)}${halfInWords(given, about)}: if they were trained with other values, set mean and std`;
  return { normalization, assumption };
}

const WHOSE = new Map([
  [CIFAR10_NORMALIZATION, "CIFAR-10's"],
  [IMAGENET_NORMALIZATION, "ImageNet's"],
]);

/** Where mean and deviation come from if the model gives only one of them. */
function halfInWords(given: GivenNormalization & { model: string }, about: WeightsDescription): string {
  const known = (["mean", "std"] as const).find((part) => given[part] ?? about[part]);
  if (!known) return "";
  const [word, other] = known === "mean" ? ["mean", "deviation"] : ["deviation", "mean"];
  const whose = WHOSE.get(usualNormalization(given.model)) ?? "the model's usual one";
  return `, of which the ${word} is ${given[known] ? "given" : "that of the metadata"} and the ${other} is ${whose}, as none was given`;
}

/** Throws an InputError if they are to be bundled and are not. */
export const weightsPath = ({ model, weights }: Pick<TrainedNetworkOptions, "model" | "weights">): string =>
  weights === "bundled" ? bundledWeights(model) : weights;

function bundledWeights(model: string): string {
  const path = bundledTeacher(model);
  if (path) return path;
  const bundled = bundledTeachers.join(" and ");
  throw new InputError(`weights of ${model} did not come with this copy of the program (bundled: ${bundled}): give the path of a safetensors file`);
}

/** Throws an InputError that names the weights if the sizes that they alone determine make no model. */
export function build(name: string, options: ModelOptions, weights: string | null = null): Model {
  try {
    return createModel(name, options);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof UsageError)) throw error;
    if (weights) throw new InputError(`weights ${weights} do not fit: ${error.message}`, { cause: error });
    throw new UsageError(error.message, { cause: error });
  }
}

/** Loads the weights into a model, or releases it. `without`: names of weights that keep their values. */
export function readInto(model: Model, path: string, without?: ReadonlySet<string>): void {
  try {
    loadWeights(model, path, without);
  } catch (error) {
    model.release();
    throw error;
  }
}
