import type { DType } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { sliceTokens } from "../tensor/ops/slice-tokens";
import type { Tensor } from "../tensor/tensor";
import { Attention } from "./attention";
import { LayerNorm } from "./layer-norm";
import { LayerScale } from "./layer-scale";
import { Mlp } from "./mlp";
import { Module } from "./module";

/** A pre-norm transformer block. timm.models.vision_transformer.Block. */
export class Block extends Module {
  norm1: LayerNorm;
  attn: Attention;
  ls1: LayerScale | null;
  norm2: LayerNorm;
  mlp: Mlp;
  ls2: LayerScale | null;

  /** `layerScale`: its initial value; left out: none. */
  constructor(width: number, heads: number, layerScale?: number) {
    super();
    const scale = () => (layerScale === undefined ? null : new LayerScale(width, layerScale));
    this.norm1 = new LayerNorm(width);
    this.attn = new Attention(width, heads);
    this.ls1 = scale();
    this.norm2 = new LayerNorm(width);
    this.mlp = new Mlp(width, 4 * width);
    this.ls2 = scale();
  }

  /**
   * x [N,T,D] -> [N,Q,D]: only the first Q = `queries` tokens, so that only attention sees the others; by default all. Residuals are f32;
   * activations between them have the type `dtype`.
   */
  forward(x: Tensor, dtype: DType, { queries }: { queries?: number } = {}): Tensor {
    const residual = queries === undefined ? x : sliceTokens(x, 0, queries);
    const h = this.attn.forward(this.norm1.forward(x, dtype), { residual, queries, scale: this.ls1?.gamma });
    return this.mlp.forward(this.norm2.forward(h, dtype), { residual: h, scale: this.ls2?.gamma });
  }

  export(graph: Graph, x: Value, { queries }: { queries?: number } = {}): Value {
    const residual = queries === undefined ? x : onnx.sliceTokens(graph, x, queries);
    const h = this.attn.export(graph, this.norm1.export(graph, x), { residual, queries, scale: this.ls1?.gamma });
    return this.mlp.export(graph, this.norm2.export(graph, h), { residual: h, scale: this.ls2?.gamma });
  }
}
