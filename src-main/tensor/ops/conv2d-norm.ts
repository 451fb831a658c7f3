import type { Activation } from "../../backend/addon";
import { backend, record, type Tensor } from "../tensor";
import type { BatchNormState } from "./batch-norm";
import { convolved, type Windows } from "./conv2d";
import { emptyImages } from "./image-layout";

export interface Conv2dNormOptions extends Windows {
  eps?: number;
  activation?: Activation;
  /** [N,P,Q,O], added before the activation. */
  residual?: Tensor | null;
}

/**
 * y [N,P,Q,O] = activation(batchNorm(conv2d(x, weight, bias)) + residual) with the norm's running averages, in one pass over the images. For
 * inference; has no gradients.
 */
export function conv2dNorm(x: Tensor, weight: Tensor, bias: Tensor | null, norm: BatchNormState, options: Conv2dNormOptions): Tensor {
  return normedConvolution("conv2dNorm", x, weight, bias, norm, options);
}

/** Either kind of convolution with its norm, by the op's name. */
export function normedConvolution(
  op: "conv2dNorm" | "depthwiseConv2dNorm",
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  norm: BatchNormState,
  { stride = 1, padding = 0, eps = 1e-5, activation = "none", residual = null }: Conv2dNormOptions,
): Tensor {
  const y = emptyImages(x, convolved(x, weight, stride, padding));
  backend()[`${op}Forward`]({
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
    throw new Error(`${op}: has no gradient; call train() on the model before the forward pass`);
  });
}
