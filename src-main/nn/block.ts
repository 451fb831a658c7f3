import type { DType } from "../backend/addon";
import { sliceTokens } from "../tensor/ops/slice-tokens";
import type { Tensor } from "../tensor/tensor";
import { Attention } from "./attention";
import { LayerNorm } from "./layer-norm";
import { Mlp } from "./mlp";
import { Module } from "./module";

/** A pre-norm transformer block. timm.models.vision_transformer.Block. */
export class Block extends Module {
  norm1: LayerNorm;
  attn: Attention;
  norm2: LayerNorm;
  mlp: Mlp;

  constructor(width: number, heads: number) {
    super();
    this.norm1 = new LayerNorm(width);
    this.attn = new Attention(width, heads);
    this.norm2 = new LayerNorm(width);
    this.mlp = new Mlp(width, 4 * width);
  }

  /**
   * x [N,T,D] -> [N,Q,D]: only the first Q = `queries` tokens, so that only attention sees the others; by default all. Residuals are f32;
   * activations between them have the type `dtype`.
   */
  forward(x: Tensor, dtype: DType, { queries }: { queries?: number } = {}): Tensor {
    const residual = queries === undefined ? x : sliceTokens(x, 0, queries);
    const h = this.attn.forward(this.norm1.forward(x, dtype), { residual, queries });
    return this.mlp.forward(this.norm2.forward(h, dtype), { residual: h });
  }
}
