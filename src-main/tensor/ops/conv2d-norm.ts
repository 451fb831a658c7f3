import { backend, record, type Tensor } from "../tensor";
import type { BatchNormState } from "./batch-norm";
import { convolved } from "./conv2d";
import { emptyImages } from "./image-layout";

export interface Conv2dNormOptions {
  stride?: number;
  padding?: number;
  eps?: number;
  relu?: boolean;
  /** [N,P,Q,O], added before ReLU. */
  residual?: Tensor | null;
}

/**
 * y [N,P,Q,O] = relu?(batchNorm(conv2d(x, weight, bias)) + residual) with the norm's running averages, in one pass over the images. For
 * inference; has no gradients.
 */
export function conv2dNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  norm: BatchNormState,
  { stride = 1, padding = 0, eps = 1e-5, relu = false, residual = null }: Conv2dNormOptions,
): Tensor {
  const y = emptyImages(x, convolved(x, weight, stride, padding));
  backend().conv2dNormForward({
    x: x.handle,
    weight: weight.handle,
    bias: bias?.handle,
    y: y.handle,
    stride,
    padding,
    normWeight: norm.weight.handle,
    normBias: norm.bias.handle,
    runningMean: norm.runningMean.handle,
    runningVar: norm.runningVar.handle,
    residual: residual?.handle,
    eps,
    relu,
    hwnc: x.hwnc,
  });
  return record(y, [x, weight, bias, norm.weight, norm.bias, residual], () => {
    throw new Error("conv2dNorm: has no gradient; call train() on the model before the forward pass");
  });
}
