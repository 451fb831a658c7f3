import { backend, record, type Tensor } from "../tensor";
import type { BatchNormState } from "./batch-norm";
import { convolved } from "./conv2d";
import type { Conv2dNormOptions } from "./conv2d-norm";
import { emptyImages } from "./image-layout";

/**
 * y [N,P,Q,C] = activation(batchNorm(depthwiseConv2d(x, weight, bias)) + residual) with the norm's running averages, in one pass over the images. For
 * inference; has no gradients.
 */
export function depthwiseConv2dNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  norm: BatchNormState,
  { stride = 1, padding = 0, eps = 1e-5, activation = "none", residual = null }: Conv2dNormOptions,
): Tensor {
  const y = emptyImages(x, convolved(x, weight, stride, padding));
  backend().depthwiseConv2dNormForward({
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
    activation,
    hwnc: x.hwnc,
  });
  return record(y, [x, weight, bias, norm.weight, norm.bias, residual], () => {
    throw new Error("depthwiseConv2dNorm: has no gradient; call train() on the model before the forward pass");
  });
}
