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

  /** x [N,T,D] -> residual + [N,T,D]; with `classToken` [N,D], only the first token */
  forward(x: Tensor, { residual, classToken = false }: { residual?: Tensor; classToken?: boolean } = {}): Tensor {
    const qkv = this.qkv.forward(x);
    const h = classToken ? attention(qkv, this.heads, 1).reshape([x.shape[0]!, x.shape[2]!]) : attention(qkv, this.heads);
    return this.proj.forward(h, { residual });
  }
}
