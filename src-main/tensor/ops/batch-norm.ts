import type { Activation } from "../../backend/addon";
import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** Weights and running averages of a batch norm, each [C]. */
export interface BatchNormState {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

export interface BatchNormOptions {
  /** true: normalise by the batch's statistics and move the running averages towards them; false: normalise by the running averages. */
  training: boolean;
  momentum?: number;
  eps?: number;
  activation?: Activation;
  /** [N,H,W,C], added before the activation. */
  residual?: Tensor | null;
}

/**
 * y [N,H,W,C] = activation((x - mean) / sqrt(var + eps) * weight + bias + residual). torch.nn.functional.batch_norm: the batch is normalised with
 * the biased variance, and runningVar moves towards the unbiased one. Has gradients only in training mode.
 */
export function batchNorm(x: Tensor, state: BatchNormState, options: BatchNormOptions): Tensor {
  return options.training ? byBatch(x, state, options) : byRunningAverages(x, state, options);
}

function byBatch(x: Tensor, state: BatchNormState, { momentum = 0.1, eps = 1e-5, activation = "none", residual = null }: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar } = state;
  const y = emptyLike(x);
  const mean = empty(weight.shape);
  const rstd = empty(weight.shape);
  backend().batchNormForwardTrain({
    x: x.handle,
    weight: weight.handle,
    bias: bias.handle,
    residual: residual?.handle,
    y: y.handle,
    runningMean: runningMean.handle,
    runningVar: runningVar.handle,
    mean: mean.handle,
    rstd: rstd.handle,
    momentum,
    eps,
    activation,
  });

  return record(y, [x, weight, bias, residual], (dy) => {
    const dx = emptyLike(x);
    const dweight = empty(weight.shape);
    const dbias = empty(bias.shape);
    const dresidual = residual && emptyLike(residual);
    backend().batchNormBackward({
      x: x.handle,
      dy: dy.handle,
      weight: weight.handle,
      mean: mean.handle,
      rstd: rstd.handle,
      y: activation === "none" ? null : y.handle,
      dx: dx.handle,
      dweight: dweight.handle,
      dbias: dbias.handle,
      dresidual: dresidual?.handle,
      activation,
    });
    return [dx, dweight, dbias, dresidual];
  });
}

function byRunningAverages(x: Tensor, state: BatchNormState, { eps = 1e-5, activation = "none", residual = null }: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar } = state;
  const y = emptyLike(x);
  backend().batchNormForwardEval({
    x: x.handle,
    weight: weight.handle,
    bias: bias.handle,
    runningMean: runningMean.handle,
    runningVar: runningVar.handle,
    residual: residual?.handle,
    y: y.handle,
    eps,
    activation,
  });
  return record(y, [x, weight, bias, residual], () => {
    throw new Error("batchNorm: has no gradient in evaluation mode; call train() on the model before the forward pass");
  });
}
