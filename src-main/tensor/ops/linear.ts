import type { DType } from "../../backend/addon";
import { backend, empty, gradientOf, record, type Tensor } from "../tensor";

export interface LinearOptions {
  residual?: Tensor | null;
  dtype?: DType;
}

/**
 * y [...,O] = residual + x [...,I] weight^T [O,I] + bias [O]. torch.nn.functional.linear.
 * `residual` [...,O] is added last. y has the residual's type if there is one, otherwise `dtype`, by default that of x. If x is bf16, the
 * operands of the product are rounded to bf16 and accumulated in fp32.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  { residual = null, dtype = residual?.dtype ?? x.dtype }: LinearOptions = {},
): Tensor {
  const y = empty([...x.shape.slice(0, -1), weight.shape[0]!], dtype);
  backend().linearForward({ x: x.handle, weight: weight.handle, bias: bias?.handle, residual: residual?.handle, y: y.handle });

  return record(y, [x, weight, bias, residual], (dy) => {
    const dx = gradientOf(x);
    if (dx) backend().linearBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle });
    return [dx, ...weightGradients(x, weight, bias, dy), residual?.requiresGrad ? dy.reshape(residual.shape) : null];
  });
}

/** Gradients of weight [O,I] and bias [O] from x [...,I] and dy [...,O], each if needed. */
export function weightGradients(x: Tensor, weight: Tensor, bias: Tensor | null, dy: Tensor): [dweight: Tensor | null, dbias: Tensor | null] {
  const dbias = gradientOf(bias);
  const dweight = dbias ? empty(weight.shape) : gradientOf(weight);
  if (dweight) backend().linearBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, dbias: dbias?.handle });
  return [dweight, dbias];
}
