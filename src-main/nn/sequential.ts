import { keepResult, type Tensor } from "../tensor/tensor";
import type { Module } from "./module";

/** A module from one tensor to one tensor. */
export type Layer = Module & { forward(x: Tensor): Tensor };

/** x through the layers, one after another. Without gradients each layer's intermediate tensors are freed at once. */
export function sequential(layers: readonly Layer[], x: Tensor): Tensor {
  return layers.reduce((h, layer) => keepResult(() => layer.forward(h)), x);
}
