import type { Model } from "../../src-main/models/model";
import { createModel } from "../../src-main/models/registry";
import { backend, fromArray, type Tensor } from "../../src-main/tensor/tensor";
import { uniform, weight } from "./formula";

/** A model of 10 classes with formula weights, as `with_formula_weights(build(...))` of models.py. */
export function formulaModel(name: string, sizes: { imageSize: number; patchSize: number | null }): Model {
  const model = createModel(name, { classes: 10, ...sizes });
  for (const [each, { handle, shape }] of model.weights()) backend().write(handle, weight(each, shape));
  return model;
}

/** [N,Z,Z,3], as `images` of models.py. */
export function formulaImages(name: string, count: number, size: number): Tensor {
  const shape = [count, size, size, 3];
  return fromArray(uniform(name, count * size * size * 3, 2), shape);
}
