import { batchNorm } from "../tensor/ops/batch-norm";
import type { Tensor } from "../tensor/tensor";
import { type Initial, ones, zeros } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

/** torch.nn.BatchNorm2d (momentum 0.1, eps 1e-5) on channels-last images, with ReLU and a residual built in. */
export class BatchNorm2d extends Module {
  weight: Weight;
  bias: Weight;
  running_mean: Weight;
  running_var: Weight;

  constructor(channels: number, initialWeight: Initial = ones) {
    super();
    this.weight = Weight.parameter([channels], initialWeight);
    this.bias = Weight.parameter([channels], zeros);
    this.running_mean = Weight.buffer([channels], zeros);
    this.running_var = Weight.buffer([channels], ones);
  }

  /** x [N,H,W,C] -> relu?(normalised x + residual) */
  forward(x: Tensor, options: { relu?: boolean; residual?: Tensor } = {}): Tensor {
    const { weight, bias, running_mean: runningMean, running_var: runningVar, training } = this;
    return batchNorm(x, { weight, bias, runningMean, runningVar }, { training, ...options });
  }
}
