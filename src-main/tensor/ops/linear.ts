import { backend, empty, needsGrad, record, type Tensor } from "../tensor";

/**
 * y [...,O] = residual + gelu?(x [...,I] weight^T [O,I] + bias [O]). torch.nn.functional.linear, then torch.nn.functional.gelu (exact).
 * `residual` [...,O] is added last.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: { gelu?: boolean; residual?: Tensor } = {}): Tensor {
  const { gelu = false, residual = null } = options;
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

  return record(y, [x, weight, ...(bias ? [bias] : []), ...(residual ? [residual] : [])], (dy) => {
    const dh = geluGrad ? multiplied(dy, geluGrad) : dy;
    const dx = x.requiresGrad ? empty(x.shape) : null;
    if (dx) backend().linearBackwardInput({ dy: dh.handle, weight: weight.handle, dx: dx.handle });
    const dweight = empty(weight.shape);
    const dbias = bias ? empty(bias.shape) : null;
    backend().linearBackwardWeight({ x: x.handle, dy: dh.handle, dweight: dweight.handle, dbias: dbias?.handle });
    return [dx, dweight, ...(dbias ? [dbias] : []), ...(residual ? [dy] : [])];
  });
}

function multiplied(a: Tensor, b: Tensor): Tensor {
  const y = empty(a.shape);
  backend().multiply({ a: a.handle, b: b.handle, y: y.handle });
  return y;
}
