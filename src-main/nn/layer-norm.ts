import type { DType } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { layerNorm } from "../tensor/ops/layer-norm";
import type { Tensor } from "../tensor/tensor";
import { ones, zeros } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

const EPS = 1e-6;

/** torch.nn.LayerNorm over the last axis, with timm's eps 1e-6. */
export class LayerNorm extends Module {
  weight: Weight;
  bias: Weight;

  constructor(width: number) {
    super();
    this.weight = Weight.parameter([width], ones);
    this.bias = Weight.parameter([width], zeros);
  }

  /** x [...,D] -> [...,D] of the type `dtype` */
  forward(x: Tensor, dtype: DType): Tensor {
    return layerNorm(x, this.weight, this.bias, EPS, dtype);
  }

  export(graph: Graph, x: Value): Value {
    return onnx.layerNorm(graph, x, this.weight, this.bias, EPS);
  }
}
