import { backend, empty, emptyLike, gradientOf, needsGrad, record, type Tensor } from "../tensor";
import { weightGradients } from "./linear";

export interface LinearWeights {
  weight: Tensor;
  bias: Tensor;
}

/**
 * y [...,O] = residual + fc2(gelu(fc1(x [...,I]))), exact GELU. torch.nn.functional.linear and gelu; types as in `linear`.
 * It is one op so that GELU's input is never stored: forward stores GELU's derivative instead, and backward multiplies the second layer's
 * gradient by it while writing.
 */
export function mlp(x: Tensor, fc1: LinearWeights, fc2: LinearWeights, { residual = null }: { residual?: Tensor | null } = {}): Tensor {
  const rows = x.shape.slice(0, -1);
  const hidden = empty([...rows, fc1.weight.shape[0]!], x.dtype);
  const geluGrad = needsGrad(x, fc1.weight, fc1.bias) ? emptyLike(hidden) : null;
  const y = empty([...rows, fc2.weight.shape[0]!], residual?.dtype ?? x.dtype);
  backend().mlpForward({
    x: x.handle,
    firstWeight: fc1.weight.handle,
    firstBias: fc1.bias.handle,
    hidden: hidden.handle,
    geluGrad: geluGrad?.handle,
    secondWeight: fc2.weight.handle,
    secondBias: fc2.bias.handle,
    residual: residual?.handle,
    y: y.handle,
  });

  return record(y, [x, fc1.weight, fc1.bias, fc2.weight, fc2.bias, residual], (dy) => {
    const second = weightGradients(hidden, fc2.weight, fc2.bias, dy);
    const dresidual = residual?.requiresGrad ? dy.reshape(residual.shape) : null;
    if (!geluGrad) return [null, null, null, ...second, dresidual];
    // Gradient of GELU's input
    const dhidden = emptyLike(hidden);
    const towardsHidden = { dy: dy.handle, geluGrad: geluGrad.handle };
    const dx = gradientOf(x);
    if (dx)
      backend().mlpBackwardInput({
        ...towardsHidden,
        secondWeight: fc2.weight.handle,
        dhidden: dhidden.handle,
        firstWeight: fc1.weight.handle,
        dx: dx.handle,
      });
    else backend().linearBackwardInput({ ...towardsHidden, weight: fc2.weight.handle, dx: dhidden.handle });
    return [dx, ...weightGradients(x, fc1.weight, fc1.bias, dhidden), ...second, dresidual];
  });
}
