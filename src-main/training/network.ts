import { InputError, UsageError } from "../contract/failure";
import type { Recipe, StudentChoice } from "../contract/recipe";
import { patchSizeOf } from "../contract/settings";
import { bundledTeacher, bundledTeachers } from "../data/assets";
import type { View } from "../data/batches";
import type { Model } from "../models/model";
import { createModel, type ModelOptions } from "../models/registry";
import { describeWeights, hashWeights, loadWeights } from "../models/weights";
import type { Normalization } from "../tensor/ops/prepare-image";

/** A model with the normalisation that its input has; the input's side in pixels is the model's own. */
export interface Network {
  model: Model;
  normalization: Normalization;
}

/** How a network sees the training images in an epoch. */
export function trainingView({ model, normalization }: Network, { train, augment }: Recipe, epoch: number): View {
  const { seed, precision } = train;
  return { imageSize: model.imageSize, ...normalization, augment, seed, epoch, precision };
}

/** A network that is used as it was trained: in evaluation mode and without gradients. */
export interface TrainedNetwork extends Network {
  /** Of the weights. */
  hash: string;
  /** Names in the order of the logits, if the weights tell them. */
  classes: string[] | null;
  /** Side in pixels of the images that the weights were trained on, if they tell it. */
  trainedAt: number | null;
}

/** Over the training images of CIFAR-10, scaled to 0 ... 1. */
export const CIFAR10_NORMALIZATION: Normalization = { mean: [0.49139968, 0.48215827, 0.44653124], std: [0.24703233, 0.24348505, 0.26158768] };

export interface TrainedNetworkOptions {
  model: string;
  /** "bundled" or a safetensors file. */
  weights: string;
  /** Default: what the weights say, then the model's own; so with the others. */
  imageSize?: number;
  patchSize?: number;
  mean?: readonly number[];
  std?: readonly number[];
}

/** Builds a model for the weights and reads them. Throws an InputError if the file cannot be used, a UsageError if there is no such model. */
export function loadNetwork(options: TrainedNetworkOptions): TrainedNetwork {
  const path = options.weights === "bundled" ? bundledWeights(options.model) : options.weights;
  const about = describeWeights(path);
  if (about.classCount === null) throw new InputError(`weights ${path}: have no last layer (fc.weight or head.weight), so the number of classes is unknown`);
  const model = build(options.model, {
    classes: about.classCount,
    imageSize: options.imageSize ?? about.imageSize ?? undefined,
    // Weights of a transformer for a model without patches are told by their tensors, when they are read.
    patchSize: options.patchSize ?? (patchSizeOf(options.model) === null ? null : about.patchSize),
  });
  readInto(model, path);
  model.eval().requiresGrad(false);
  const normalization = {
    mean: options.mean ?? about.mean ?? CIFAR10_NORMALIZATION.mean,
    std: options.std ?? about.std ?? CIFAR10_NORMALIZATION.std,
  };
  return { model, normalization, hash: hashWeights(model), classes: about.classes, trainedAt: about.imageSize };
}

/** A network to be trained: fresh from the seed, or from a file, whose head must have as many classes. */
export function createStudent(choice: StudentChoice, classes: number, seed: number): Network {
  const model = build(choice.model, { classes, imageSize: choice.imageSize, patchSize: choice.patchSize, seed });
  if (!choice.weights) return { model, normalization: CIFAR10_NORMALIZATION };
  readInto(model, choice.weights);
  const { mean, std } = describeWeights(choice.weights);
  return { model, normalization: mean && std ? { mean, std } : CIFAR10_NORMALIZATION };
}

/**
 * Throws an InputError if a network's answers do not stand for the data's classes: another number of them, or the same names in
 * another order.
 */
export function expectSameClasses(network: TrainedNetwork, classes: readonly string[], owner: string): void {
  const count = network.model.classes;
  if (count !== classes.length)
    throw new InputError(`${owner} tells ${count} classes apart and the data has ${classes.length}: choose weights and data with the same classes`);
  const sorted = (names: readonly string[]) => [...names].sort().join("\n");
  const { classes: names } = network;
  if (names && sorted(names) === sorted(classes) && names.join("\n") !== classes.join("\n"))
    throw new InputError(`${owner} has the data's classes in another order: expected ${classes.join(", ")}, got ${names.join(", ")}`);
}

function bundledWeights(model: string): string {
  const path = bundledTeacher(model);
  if (path) return path;
  const bundled = bundledTeachers.join(" and ");
  throw new InputError(`weights of ${model} did not come with this copy of the program (bundled: ${bundled}): give the path of a safetensors file`);
}

function build(name: string, options: ModelOptions): Model {
  try {
    return createModel(name, options);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function readInto(model: Model, path: string): void {
  try {
    loadWeights(model, path);
  } catch (error) {
    model.release();
    throw error;
  }
}
