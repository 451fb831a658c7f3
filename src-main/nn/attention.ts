import { attention } from "../tensor/ops/attention";
import { selectToken } from "../tensor/ops/select-token";
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

  /** x [N,T,D] -> [N,T,D], or [N,D] of one token */
  forward(x: Tensor, { residual, token = null }: { residual?: Tensor; token?: number | null } = {}): Tensor {
    const h = attention(this.qkv.forward(x), this.heads);
    return this.proj.forward(token === null ? h : selectToken(h, token), { residual });
  }
}
