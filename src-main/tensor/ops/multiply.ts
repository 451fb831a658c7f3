import { backend, emptyLike, record, type Tensor } from "../tensor";

/** y = a * b, elementwise; equal shapes. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  const y = emptyLike(a);
  backend().multiply({ a: a.handle, b: b.handle, y: y.handle });

  return record(y, [a, b], (dy) => [a.requiresGrad ? multiply(dy, b) : null, b.requiresGrad ? multiply(dy, a) : null]);
}
