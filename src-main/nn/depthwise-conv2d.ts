import type { Padding } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import type { BatchNormState } from "../tensor/ops/batch-norm";
import type { Windows } from "../tensor/ops/conv2d";
import type { Conv2dNormOptions } from "../tensor/ops/conv2d-norm";
import { depthwiseConv2d } from "../tensor/ops/depthwise-conv2d";
import { depthwiseConv2dNorm } from "../tensor/ops/depthwise-conv2d-norm";
import type { Tensor } from "../tensor/tensor";
import type { Conv2dOptions } from "./conv2d";
import { uniform } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

/** torch.nn.Conv2d(groups=channels) on channels-last images; square kernel. */
export class DepthwiseConv2d extends Module {
  weight: Weight;
  bias: Weight | null;
  readonly stride: number;
  readonly padding: Padding;

  constructor(channels: number, kernel: number, { stride = 1, padding = 0, bias = false, initial }: Conv2dOptions = {}) {
    super();
    const torchDefault = uniform(1 / kernel);
    this.weight = Weight.parameter([channels, 1, kernel, kernel], initial ?? torchDefault);
    this.bias = bias ? Weight.parameter([channels], bias === true ? torchDefault : bias) : null;
    this.stride = stride;
    this.padding = padding;
  }

  /** x [N,H,W,C] -> [N,P,Q,C] */
  forward(x: Tensor): Tensor {
    return depthwiseConv2d(x, this.weight, this.bias, { stride: this.stride, padding: this.padding });
  }

  export(graph: Graph, x: Value): Value {
    return this.exportWith(graph, x, { weight: graph.weight(this.weight), bias: this.bias && graph.weight(this.bias) });
  }

  /** As in Conv2d. */
  exportWith(graph: Graph, x: Value, weights: onnx.ConvWeights): Value {
    return onnx.conv2d(graph, x, weights, { stride: this.stride, padding: this.padding, groups: this.weight.shape[0] });
  }

  /** batchNorm(forward(x)) with the norm's running averages, as one op. */
  normed(x: Tensor, norm: BatchNormState, options: Omit<Conv2dNormOptions, keyof Windows>): Tensor {
    return depthwiseConv2dNorm(x, this.weight, this.bias, norm, { stride: this.stride, padding: this.padding, ...options });
  }
}
