import { backend, emptyLike, record, type Tensor } from "../tensor";

/** y = a + b, elementwise; equal shapes. */
export function add(a: Tensor, b: Tensor): Tensor {
  const y = emptyLike(a);
  backend().add({ a: a.handle, b: b.handle, y: y.handle });

  return record(y, [a, b], (dy) => [dy.reshape(a.shape), dy.reshape(b.shape)]);
}
