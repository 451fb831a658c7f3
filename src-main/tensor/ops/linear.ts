import type { DType } from "../../backend/addon";
import { backend, empty, emptyLike, gradientOf, needsGrad, record, type Tensor } from "../tensor";
import { multiply } from "./multiply";

export interface LinearOptions {
  gelu?: boolean;
  residual?: Tensor | null;
  dtype?: DType;
}

/**
 * y [...,O] = residual + gelu?(x [...,I] weight^T [O,I] + bias [O]). torch.nn.functional.linear, then torch.nn.functional.gelu (exact).
 * `residual` [...,O] is added last; y is of its type, or else of `dtype`, by default that of x. Where x is bf16, the product is of numbers
 * rounded to bf16, summed up in fp32.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  { gelu = false, residual = null, dtype = residual?.dtype ?? x.dtype }: LinearOptions = {},
): Tensor {
  const y = empty([...x.shape.slice(0, -1), weight.shape[0]!], dtype);
  const geluGrad = gelu && needsGrad(x, weight, bias) ? emptyLike(y) : null;
  backend().linearForward({
    x: x.handle,
    weight: weight.handle,
    bias: bias?.handle,
    residual: residual?.handle,
    y: y.handle,
    geluGrad: geluGrad?.handle,
    gelu,
  });

  return record(y, [x, weight, bias, residual], (dy) => {
    // dh [...,O]: gradient before GELU
    const dh = geluGrad ? multiply(dy, geluGrad) : dy;
    const dx = gradientOf(x);
    if (dx) backend().linearBackwardInput({ dy: dh.handle, weight: weight.handle, dx: dx.handle });
    const dbias = gradientOf(bias);
    const dweight = dbias ? empty(weight.shape) : gradientOf(weight);
    if (dweight) backend().linearBackwardWeight({ x: x.handle, dy: dh.handle, dweight: dweight.handle, dbias: dbias?.handle });
    return [dx, dweight, dbias, residual?.requiresGrad ? dy.reshape(residual.shape) : null];
  });
}
