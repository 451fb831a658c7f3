import { attention } from "../tensor/ops/attention";
import type { Tensor } from "../tensor/tensor";
import { normal, zeros } from "./initial";
import { Linear } from "./linear";
import { Module } from "./module";

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

  /** x [N,T,D] -> residual + [N,Q,D]: only the first Q = `queries` tokens, by default all. */
  forward(x: Tensor, { residual, queries }: { residual?: Tensor; queries?: number } = {}): Tensor {
    const h = attention(this.qkv.forward(x), this.heads, queries);
    return this.proj.forward(h, { residual });
  }
}
