import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** y [N,end-begin,D] = tokens begin ... end - 1 of x [N,T,D], f32 or bf16; 0 <= begin < end <= T. */
export function sliceTokens(x: Tensor, begin: number, end: number): Tensor {
  const [N, , D] = x.shape as [number, number, number];
  const y = empty([N, end - begin, D], x.dtype);
  backend().sliceTokensForward({ x: x.handle, y: y.handle, begin, end });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().sliceTokensBackward({ dy: dy.handle, dx: dx.handle, begin, end });
    return [dx];
  });
}
