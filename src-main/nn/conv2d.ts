import type { Padding } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import type { BatchNormState } from "../tensor/ops/batch-norm";
import { conv2d, type Windows } from "../tensor/ops/conv2d";
import { type Conv2dNormOptions, conv2dNorm } from "../tensor/ops/conv2d-norm";
import type { Tensor } from "../tensor/tensor";
import { type Initial, uniform } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

export interface Conv2dOptions {
  stride?: number;
  padding?: Padding;
  /** true, or its initial values. */
  bias?: boolean | Initial;
  /** Of the weight. Default, as of the bias: as in PyTorch, uniform within 1 / sqrt(fan_in). */
  initial?: Initial;
}

/** torch.nn.Conv2d on channels-last images; square kernel. */
export class Conv2d extends Module {
  weight: Weight;
  bias: Weight | null;
  readonly stride: number;
  readonly padding: Padding;

  constructor(inputs: number, outputs: number, kernel: number, { stride = 1, padding = 0, bias = false, initial }: Conv2dOptions = {}) {
    super();
    const torchDefault = uniform(1 / Math.sqrt(inputs * kernel * kernel));
    this.weight = Weight.parameter([outputs, inputs, kernel, kernel], initial ?? torchDefault);
    this.bias = bias ? Weight.parameter([outputs], bias === true ? torchDefault : bias) : null;
    this.stride = stride;
    this.padding = padding;
  }

  /** x [N,H,W,C] -> [N,P,Q,O] */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, { stride: this.stride, padding: this.padding });
  }

  export(graph: Graph, x: Value): Value {
    return this.exportWith(graph, x, { weight: graph.weight(this.weight), bias: this.bias && graph.weight(this.bias) });
  }

  /** With other weights of the same shape, such as those that a norm is folded into. */
  exportWith(graph: Graph, x: Value, weights: onnx.ConvWeights): Value {
    return onnx.conv2d(graph, x, weights, { stride: this.stride, padding: this.padding });
  }

  /** batchNorm(forward(x)) with the norm's running averages, as one op. */
  normed(x: Tensor, norm: BatchNormState, options: Omit<Conv2dNormOptions, keyof Windows>): Tensor {
    return conv2dNorm(x, this.weight, this.bias, norm, { stride: this.stride, padding: this.padding, ...options });
  }
}
