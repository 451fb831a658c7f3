import { backend, empty, type Tensor } from "../tensor";

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

export interface AccumulateOptions {
  /** What remains of each value, 0 ... 1. */
  keep: number;
  /** What is added of its gradient, 0 ... 1. */
  share: number;
}

/**
 * values[i] = keep values[i] + share gradients[i], all f32 and in place: a sum of gradients, or an average of weights over steps (timm's ModelEmaV2,
 * with keep the decay and share the rest). Never cut short.
 */
export function accumulate(values: readonly Tensor[], gradients: readonly Tensor[], options: AccumulateOptions): void {
  backend().accumulate({ values: values.map(({ handle }) => handle), gradients: gradients.map(({ handle }) => handle), ...options });
}

/**
 * Scales values in place so that the L2 norm of all together is at most `most`; returns the norm before, f32 [1]. torch.nn.utils.clip_grad_norm_.
 * Never cut short.
 */
export function clipNorm(values: readonly Tensor[], most: number): Tensor {
  const norm = empty([1]);
  backend().clipNorm({ values: values.map(({ handle }) => handle), norm: norm.handle, most });
  return norm;
}

function gradient(value: Tensor): Tensor {
  if (value.grad) return value.grad;
  throw new Error(`optimizer: a parameter of shape [${value.shape}] has no gradient; call backward on the loss first, in the same scope`);
}
