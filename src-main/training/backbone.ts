/** A network without its head: what a linear head for other classes is fitted on. */
import { InputError } from "../contract/failure";
import { modelNames } from "../contract/families";
import { isHubPath } from "../contract/hub-path";
import { modelsFitting } from "../models/fitting-models";
import type { Model } from "../models/model";
import { codeOf, createModel, type ModelOptions } from "../models/registry";
import { describeWeights, hashWeights, modelIn } from "../models/weights";
import { backend } from "../tensor/tensor";
import { build, type ChosenNetwork, normalizationOf, readInto } from "./network";

export interface BackboneOptions {
  model: string;
  /** A weights file, with or without a head. */
  weights: string;
  /** Side of the input in pixels; default: what the weights say, then the model's own. */
  imageSize?: number | null;
}

/**
 * In evaluation mode and without gradients. Its head passes its input on, so that `forward` gives the pooled features [N,D] in place of logits: the head's
 * input, of a model with several heads the inputs of all, one after the other.
 */
export interface Backbone extends ChosenNetwork {
  weights: string;
  /** Number of features, D. */
  width: number;
  /** SHA-256 of the weights without the head's. */
  hash: string;
}

/** A last layer for K classes, row-major: logits [N,K] = features [N,D] weight^T + bias. */
export interface Head {
  /** [K,D] */
  weight: Float32Array;
  /** [K] */
  bias: Float32Array;
}

/** Throws an InputError if the file cannot be used, a UsageError if there is no such model. */
export function loadBackbone({ model: name, weights, imageSize }: BackboneOptions): Backbone {
  const about = describeWeights(weights, name, imageSize);
  const sizes = { imageSize: imageSize ?? about.imageSize ?? undefined, patchSize: about.patchSize };
  const { heads } = codeOf(name);
  const each = inputsOf(name, weights, sizes);
  const width = heads.length * each;
  const model = build(name, { ...sizes, classes: width, seed: null }, weights);
  readInto(model, weights, new Set(heads.flatMap(tensorsOf)));
  for (const [i, head] of heads.entries()) {
    // The logits are the mean of all heads'.
    const weight = new Float32Array(width * each);
    for (let d = 0; d < each; d++) weight[(i * each + d) * each + d] = heads.length;
    writeHead(model, head, { weight, bias: new Float32Array(width) });
  }
  model.eval().requiresGrad(false);
  return { model, weights, width, ...normalizationOf({ model: name }, about, weights), hash: hashWeights(model), notes: about.notes, origin: about.origin };
}

/** A new model of the backbone's weights and a head for K classes, in evaluation mode and without gradients. */
export function withHead({ model: backbone, width }: Pick<Backbone, "model" | "width">, { weight, bias }: Head): Model {
  const model = createModel(backbone.name, { ...backbone.sizes, classes: bias.length, seed: null });
  const { heads } = codeOf(model.name);
  const ofHeads = new Set(heads.flatMap(tensorsOf));
  const own = backbone.weights();
  for (const [name, tensor] of model.weights()) if (!ofHeads.has(name)) backend().write(tensor.handle, own.get(name)!.toFloat32());
  const each = width / heads.length;
  for (const [i, head] of heads.entries()) {
    const part = (_: unknown, at: number) => heads.length * weight[Math.floor(at / each) * width + i * each + (at % each)]!;
    writeHead(model, head, { weight: Float32Array.from({ length: bias.length * each }, part), bias });
  }
  return model.eval().requiresGrad(false);
}

/** Number of inputs of each head. */
function inputsOf(name: string, weights: string, sizes: Pick<ModelOptions, "imageSize" | "patchSize">): number {
  const model = build(name, { ...sizes, classes: 2, seed: null }, weights);
  const [, inputs] = model.weights().get(`${codeOf(name).heads[0]}.weight`)!.shape;
  model.release();
  return inputs!;
}

const tensorsOf = (head: string) => [`${head}.weight`, `${head}.bias`];

function writeHead(model: Model, head: string, { weight, bias }: Head): void {
  const weights = model.weights();
  const [named, biased] = tensorsOf(head);
  backend().write(weights.get(named!)!.handle, weight);
  backend().write(weights.get(biased!)!.handle, bias);
}

/**
 * Which model a file's weights are of: by its metadata, or else by the name under which it was asked for, of hf:timm/resnet18.a1_in1k the second part, or by the
 * shapes of its tensors, where one model alone has them. Throws an InputError that names those that may be meant.
 */
export function modelOf(path: string, asked: string): { model: string; note: string | null } {
  const said = modelIn(path);
  if (said !== null && modelNames.includes(said)) return { model: said, note: null };
  if (said !== null)
    throw new InputError(`the weights ${asked} are of the model "${said.slice(0, 100)}", which this program does not have: ${named(modelNames)}`);
  const parts = asked.split(/[\\/]/);
  const name = (isHubPath(asked) ? parts[1]! : parts.at(-1)!).split(/[.@-]/)[0]!;
  if (modelNames.includes(name)) return { model: name, note: `the weights ${asked} are taken for those of a ${name}, by their name` };
  const [model, ...others] = modelsFitting(path);
  if (model === undefined) throw new InputError(`the weights ${asked} do not say which model they are of, and have the shapes of none: ${named(modelNames)}`);
  if (others.length > 0)
    throw new InputError(`the weights ${asked} do not say which model they are of, and several have their shapes: ${named([model, ...others])}`);
  return { model, note: `the weights ${asked} are taken for those of a ${model}, which alone has their shapes` };
}

const named = (models: readonly string[]) => `name it with --model, one of ${models.join(", ")}`;
