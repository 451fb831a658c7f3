import type { ModelInfo } from "../contract/engine";
import { UsageError } from "../contract/failure";
import { nearest } from "../contract/nearest";
import { allOrNone } from "../tensor/tensor";
import type { Model } from "./model";
import { resnets } from "./resnet";
import { visionTransformers } from "./vit";

/** What a model file offers to the registry. `parameters` is the count at these sizes with 10 classes. */
export interface ModelEntry extends ModelInfo {
  create(shape: { classes: number; imageSize: number; patchSize: number | null }): Model;
}

const entries: readonly ModelEntry[] = [...resnets, ...visionTransformers];

export interface ModelOptions {
  /** Number of classes, at least 2. */
  classes: number;
  /** Side of the input in pixels; default: the model's own. */
  imageSize?: number;
  /** Side of a patch in pixels, for models with patches; default: the model's own. */
  patchSize?: number | null;
  /** Of the initial weights. */
  seed?: number;
}

/**
 * A model of the registry with initial weights from the seed, in training mode. Throws a UsageError if there is no model of that name
 * or if the sizes do not fit it.
 */
export function createModel(name: string, options: ModelOptions): Model {
  const entry = entryOf(name);
  const { classes, imageSize = entry.imageSize, seed = 0 } = options;
  const patchSize = options.patchSize ?? entry.patchSize;
  expectWhole(name, "classes", classes, 2);
  expectWhole(name, "imageSize", imageSize, 1);
  if (entry.patchSize === null && patchSize !== null)
    throw new UsageError(`${name}: patchSize ${patchSize} was given, but this model has no patches; leave it out`);
  if (patchSize !== null) {
    expectWhole(name, "patchSize", patchSize, 1);
    if (imageSize % patchSize !== 0)
      throw new UsageError(`${name}: imageSize ${imageSize} is not a multiple of patchSize ${patchSize}; choose sizes that divide`);
  }
  return allOrNone(() => {
    const model = entry.create({ classes, imageSize, patchSize });
    model.initialize(seed);
    return model;
  });
}

/** All models, without building them. */
export function modelInfos(): ModelInfo[] {
  return entries.map(({ create: _, ...info }) => info);
}

function entryOf(name: string): ModelEntry {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const names = entries.map((each) => each.name);
  const meant = nearest(name, names);
  throw new UsageError(`unknown model "${name}"${meant ? ` (did you mean ${meant}?)` : ""}; expected one of ${names.join(", ")}`);
}

function expectWhole(model: string, option: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) throw new UsageError(`${model}: expected ${option} to be a whole number of at least ${least}, got ${value}`);
}
