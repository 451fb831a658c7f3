import type { ModelSizes } from "../contract/families";
import type { Model, ModelShape } from "./model";

/** The code of a family; its data are in contract/families.ts. */
export interface FamilyCode<Architecture = unknown> {
  /** A model of the family; the content of its weights is undefined until `initialize`. */
  create(name: string, architecture: Architecture, shape: ModelShape): Model;
  /** Name of the last layer's weight [K,...], which counts the classes. */
  head: string;
  /** The sizes that a model's tensors determine; takes their shapes by name. */
  sizesIn(tensors: TensorShapes): Partial<ModelSizes>;
}

export type TensorShapes = ReadonlyMap<string, { shape: readonly number[] }>;
