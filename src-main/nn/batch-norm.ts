import type { Activation } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { type BatchNormState, batchNorm } from "../tensor/ops/batch-norm";
import { needsGrad, type Tensor } from "../tensor/tensor";
import type { Conv2d } from "./conv2d";
import type { DepthwiseConv2d } from "./depthwise-conv2d";
import { type Initial, ones, zeros } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

interface NormOptions {
  activation?: Activation;
  residual?: Tensor;
}

/** torch.nn.BatchNorm2d (momentum 0.1) on channels-last images, with an activation and a residual built in. */
export class BatchNorm2d extends Module {
  weight: Weight;
  bias: Weight;
  running_mean: Weight;
  running_var: Weight;

  constructor(
    channels: number,
    initialWeight: Initial = ones,
    private readonly eps = 1e-5,
  ) {
    super();
    this.weight = Weight.parameter([channels], initialWeight);
    this.bias = Weight.parameter([channels], zeros);
    this.running_mean = Weight.buffer([channels], zeros);
    this.running_var = Weight.buffer([channels], ones);
  }

  /** x [N,H,W,C] -> activation(normalised x + residual) */
  forward(x: Tensor, options: NormOptions = {}): Tensor {
    return batchNorm(x, this.#state(), { training: this.training, eps: this.eps, ...options });
  }

  /** forward(conv(x)), as one op where running averages are used and nothing needs a gradient. */
  after(conv: Conv2d | DepthwiseConv2d, x: Tensor, options: NormOptions = {}): Tensor {
    const inTwo = this.training || needsGrad(x, conv.weight, conv.bias, this.weight, this.bias, options.residual ?? null);
    return inTwo ? this.forward(conv.forward(x), options) : conv.normed(x, this.#state(), { eps: this.eps, ...options });
  }

  /** after(conv, x) as one convolution: the norm, with its running averages, is folded into it. */
  exportAfter(
    graph: Graph,
    conv: Conv2d | DepthwiseConv2d,
    x: Value,
    { activation = "none", residual }: Omit<NormOptions, "residual"> & { residual?: Value } = {},
  ): Value {
    const y = conv.exportWith(graph, x, onnx.foldedNorm(graph, conv, { ...this.#state(), eps: this.eps }));
    return onnx.activated(graph, residual ? onnx.add(graph, y, residual) : y, activation);
  }

  #state(): BatchNormState {
    return { weight: this.weight, bias: this.bias, runningMean: this.running_mean, runningVar: this.running_var };
  }
}
