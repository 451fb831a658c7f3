import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** y [N,D] = x [N,T,D] at token `index` */
export function selectToken(x: Tensor, index: number): Tensor {
  const [N, , D] = x.shape as [number, number, number];
  const y = empty([N, D], x.dtype);
  backend().selectTokenForward({ x: x.handle, y: y.handle, index });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().selectTokenBackward({ dy: dy.handle, dx: dx.handle, index });
    return [dx];
  });
}
