import type { Activation } from "../../backend/addon";
import { backend, empty, emptyLike, full, record, type Tensor } from "../tensor";

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
 * the biased variance, and runningVar moves towards the unbiased one. Running averages are constants: no gradient flows into them.
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
  return record(y, [x, weight, bias, residual], (dy) => {
    const zeros = full(weight.shape, 0);
    const dx = emptyLike(x);
    const dz = emptyLike(x);
    const dweight = empty(weight.shape);
    const dbias = empty(bias.shape);
    // Of the batch's own statistics, dx has terms that constants do not have; all else is the same, dresidual being what passes the activation.
    backend().batchNormBackward({
      x: x.handle,
      dy: dy.handle,
      weight: weight.handle,
      mean: runningMean.handle,
      rstd: reciprocalDeviation(runningVar, eps).handle,
      y: activation === "none" ? null : y.handle,
      dx: dx.handle,
      dweight: dweight.handle,
      dbias: dbias.handle,
      dresidual: dz.handle,
      activation,
    });
    // dx = dz * weight / sqrt(var + eps)
    backend().batchNormForwardEval({
      x: dz.handle,
      weight: weight.handle,
      bias: zeros.handle,
      runningMean: zeros.handle,
      runningVar: runningVar.handle,
      y: dx.handle,
      eps,
      activation: "none",
    });
    return [dx, dweight, dbias, residual && dz];
  });
}

/** 1 / sqrt(var + eps), [C]: computed on the device, so that a GPU need not be waited for. */
function reciprocalDeviation(runningVar: Tensor, eps: number): Tensor {
  const C = runningVar.size;
  const [ones, zeros, y] = [full([C], 1), full([C], 0), empty([1, 1, 1, C])];
  backend().batchNormForwardEval({
    x: full([1, 1, 1, C], 1).handle,
    weight: ones.handle,
    bias: zeros.handle,
    runningMean: zeros.handle,
    runningVar: runningVar.handle,
    y: y.handle,
    eps,
    activation: "none",
  });
  return y.reshape([C]);
}
