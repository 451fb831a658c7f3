import type { Tensor } from "../tensor";
import type { BatchNormState } from "./batch-norm";
import { type Conv2dNormOptions, normedConvolution } from "./conv2d-norm";

/**
 * y [N,P,Q,C] = activation(batchNorm(depthwiseConv2d(x, weight, bias)) + residual) with the norm's running averages, in one pass over the images. For
 * inference; has no gradients.
 */
export function depthwiseConv2dNorm(x: Tensor, weight: Tensor, bias: Tensor | null, norm: BatchNormState, options: Conv2dNormOptions): Tensor {
  return normedConvolution("depthwiseConv2dNorm", x, weight, bias, norm, options);
}
