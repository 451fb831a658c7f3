import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { attention } from "../tensor/ops/attention";
import { linear } from "../tensor/ops/linear";
import type { Tensor } from "../tensor/tensor";
import { normal, zeros } from "./initial";
import { scaledBy } from "./layer-scale";
import { Linear } from "./linear";
import { Module } from "./module";
import type { Weight } from "./weight";

/** Initial values of every linear layer in a vision transformer (timm; its truncation at 2 is 100 standard deviations away). */
export const transformerInitial = { weight: normal(0.02), bias: zeros };

/** Multi-head self-attention. timm.layers.Attention. */
export class Attention extends Module {
  qkv: Linear;
  proj: Linear;
  readonly heads: number;

  constructor(width: number, heads: number) {
    super();
    this.heads = heads;
    this.qkv = new Linear(width, 3 * width, transformerInitial);
    this.proj = new Linear(width, width, transformerInitial);
  }

  /** x [N,T,D] -> residual + scale * [N,Q,D]: only the first Q = `queries` tokens, by default all. `scale`: factors of layer scale [D]. */
  forward(x: Tensor, { residual, queries, scale }: { residual?: Tensor; queries?: number; scale?: Weight } = {}): Tensor {
    const h = attention(this.qkv.forward(x), this.heads, queries);
    const { weight, bias } = scaledBy(scale, this.proj);
    return linear(h, weight, bias, { residual });
  }

  export(graph: Graph, x: Value, { residual, queries, scale }: { residual?: Value; queries?: number; scale?: Weight } = {}): Value {
    const h = onnx.attention(graph, this.qkv.export(graph, x), this.heads, queries);
    return onnx.linear(graph, h, this.proj, { residual, scale });
  }
}
