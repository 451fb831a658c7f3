import { backend, empty, record, type Tensor } from "../tensor";

/** y [N,D] = x [N,T,D] at token `index` */
export function selectToken(x: Tensor, index: number): Tensor {
  const [N, , D] = x.shape as [number, number, number];
  const y = empty([N, D]);
  backend().selectTokenForward({ x: x.handle, y: y.handle, index });

  return record(y, [x], (dy) => {
    const dx = empty(x.shape);
    backend().selectTokenBackward({ dy: dy.handle, dx: dx.handle, index });
    return [dx];
  });
}
