import { backend, emptyLike, record, type Tensor } from "../tensor";

/** y = a * b, elementwise; f32, equal shapes. torch.mul. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return record(product(a, b), [a, b], (dy) => [a.requiresGrad ? product(dy, b) : null, b.requiresGrad ? product(dy, a) : null]);
}

function product(a: Tensor, b: Tensor): Tensor {
  const y = emptyLike(a);
  backend().multiply({ a: a.handle, b: b.handle, y: y.handle });
  return y;
}
