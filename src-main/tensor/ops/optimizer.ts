import { backend, type Tensor } from "../tensor";

/** Values are updated in place from their `grad`; `first` and `second` (in the values' shapes, initially zero) are the optimizer's state. */
export interface SgdParameter {
  value: Tensor;
  /** Whether weight decay applies to it. */
  decay: boolean;
  first: Tensor;
}
export interface AdamWParameter extends SgdParameter {
  second: Tensor;
}

export interface AdamWOptions {
  /** From 1. */
  step: number;
  learningRate: number;
  weightDecay: number;
  beta1?: number;
  beta2?: number;
  eps?: number;
}
export interface SgdOptions {
  /** From 1. */
  step: number;
  learningRate: number;
  weightDecay: number;
  momentum: number;
  nesterov: boolean;
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019). torch.optim.AdamW. Throws if a parameter has no gradient. */
export function adamw(parameters: readonly AdamWParameter[], { step, learningRate, weightDecay, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: AdamWOptions): void {
  backend().adamw({
    values: parameters.map(({ value }) => value.handle),
    gradients: parameters.map(({ value }) => gradient(value).handle),
    first: parameters.map(({ first }) => first.handle),
    second: parameters.map(({ second }) => second.handle),
    decay: parameters.map(({ decay }) => decay),
    step,
    learningRate,
    beta1,
    beta2,
    eps,
    weightDecay,
  });
}

/** torch.optim.SGD with momentum; decay is part of the gradient. Throws if a parameter has no gradient. */
export function sgd(parameters: readonly SgdParameter[], { step, learningRate, weightDecay, momentum, nesterov }: SgdOptions): void {
  backend().sgd({
    values: parameters.map(({ value }) => value.handle),
    gradients: parameters.map(({ value }) => gradient(value).handle),
    first: parameters.map(({ first }) => first.handle),
    decay: parameters.map(({ decay }) => decay),
    step,
    learningRate,
    momentum,
    weightDecay,
    nesterov,
  });
}

function gradient(value: Tensor): Tensor {
  if (value.grad) return value.grad;
  throw new Error(`optimizer: a parameter of shape [${value.shape}] has no gradient; call backward on the loss first, in the same scope`);
}
