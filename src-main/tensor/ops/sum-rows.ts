import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** y [M,1] = sum of each row of x [M,K]; f32, summed in double precision. torch.sum(x, -1, keepdim=True). */
export function sumRows(x: Tensor): Tensor {
  const y = empty([...x.shape.slice(0, -1), 1]);
  backend().sumRowsForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().sumRowsBackward({ dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
