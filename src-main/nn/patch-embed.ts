import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import type { Tensor } from "../tensor/tensor";
import { Conv2d } from "./conv2d";
import { Module } from "./module";

/** Cuts an image into square patches and projects each to width D. timm.layers.PatchEmbed. */
export class PatchEmbed extends Module {
  proj: Conv2d;

  constructor(patchSize: number, width: number) {
    super();
    this.proj = new Conv2d(3, width, patchSize, { stride: patchSize, bias: true });
  }

  /** x [N,Z,Z,3] -> [N,T,D], patches in row-major order */
  forward(x: Tensor): Tensor {
    return tokensOf(this.proj.forward(x));
  }

  export(graph: Graph, x: Value): Value {
    return onnx.tokensOf(graph, this.proj.export(graph, x));
  }
}

/** map [N,P,Q,D] -> [N,P*Q,D], in row-major order */
export function tokensOf(map: Tensor): Tensor {
  const [N, P, Q, D] = map.shape as [number, number, number, number];
  return map.reshape([N, P * Q, D]);
}
