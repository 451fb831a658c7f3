import type { ModelSizes } from "../contract/families";
import type { Model, ModelShape } from "./model";
import type { Naming } from "./names";
import type { TensorFile } from "./tensor-file";

/** The code of a family; its data are in contract/families.ts. */
export interface FamilyCode<Architecture = unknown> {
  /** A model of the family; the content of its weights is undefined until `initialize`. */
  create(name: string, architecture: Architecture, shape: ModelShape): Model;
  /** How its tensors may be named in a file: timm's names first. The first head's weight [K,...] counts the classes. */
  namings: readonly [Naming, ...Naming[]];
  /** Names of the last layers, whose weights and biases have a row for each class. Of several, the logits are the mean. */
  heads: readonly string[];
  /** Beginnings of the names of what comes last, its heads left out: the last stage, or of a transformer the last block, and what follows. */
  last(architecture: Architecture): readonly string[];
  /** What a file has in another size or shape than the model's weights, by name; left out where nothing can be. */
  resized?(weights: TensorShapes, file: TensorFile): [name: string, Resized][];
  /** The sizes that a model's tensors determine; takes their shapes by name. */
  sizesIn(tensors: TensorShapes): Partial<ModelSizes>;
}

/** A tensor that a file has in another size or shape than the model. */
export interface Resized {
  /** The file's. */
  shape: readonly number[];
  converted(values: Float32Array): Float32Array;
}

export type TensorShapes = ReadonlyMap<string, { shape: readonly number[] }>;
