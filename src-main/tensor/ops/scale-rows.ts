import { backend, emptyLike, record, type Tensor } from "../tensor";

/** y [M,K] = x [M,K] * factors [M], each row by its own; f32. x * factors.unsqueeze(-1). */
export function scaleRows(x: Tensor, factors: Tensor): Tensor {
  const y = emptyLike(x);
  backend().scaleRowsForward({ x: x.handle, factors: factors.handle, y: y.handle });

  return record(y, [x, factors], (dy) => {
    const dx = emptyLike(x);
    const dfactors = emptyLike(factors);
    backend().scaleRowsBackward({ x: x.handle, factors: factors.handle, dy: dy.handle, dx: dx.handle, dfactors: dfactors.handle });
    return [dx, dfactors];
  });
}
