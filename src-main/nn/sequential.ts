import type { Graph, Value } from "../onnx/graph";
import { keepResult, type Tensor } from "../tensor/tensor";
import type { Module } from "./module";

/** A module that maps one tensor to one tensor, with optional options. */
export type Layer<Options extends unknown[]> = Module & { forward(x: Tensor, ...options: Options): Tensor };

/** Passes x through the layers in turn, all with the same options. Without gradients, each layer's intermediate tensors are freed at once. */
export function sequential<Options extends unknown[]>(layers: readonly Layer<Options>[], x: Tensor, ...options: Options): Tensor {
  return layers.reduce((h, layer) => keepResult(() => layer.forward(h, ...options)), x);
}

export function exportSequential(graph: Graph, layers: readonly { export(graph: Graph, x: Value): Value }[], x: Value): Value {
  return layers.reduce((h, layer) => layer.export(graph, h), x);
}
