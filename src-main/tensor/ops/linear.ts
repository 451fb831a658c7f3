import { backend, empty, gradientOf, needsGrad, record, type Tensor } from "../tensor";
import { multiply } from "./multiply";

/**
 * y [...,O] = residual + gelu?(x [...,I] weight^T [O,I] + bias [O]). torch.nn.functional.linear, then torch.nn.functional.gelu (exact).
 * `residual` [...,O] is added last.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  { gelu = false, residual = null }: { gelu?: boolean; residual?: Tensor | null } = {},
): Tensor {
  const y = empty([...x.shape.slice(0, -1), weight.shape[0]!]);
  const geluGrad = gelu && needsGrad(x, weight, bias) ? empty(y.shape) : null;
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
