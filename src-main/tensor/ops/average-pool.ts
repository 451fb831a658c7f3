import { backend, empty, record, type Tensor } from "../tensor";

/** y [N,C] = mean of x [N,H,W,C] over H and W */
export function averagePool(x: Tensor): Tensor {
  const [N, , , C] = x.shape as [number, number, number, number];
  const y = empty([N, C]);
  backend().averagePoolForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = empty(x.shape);
    backend().averagePoolBackward({ dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
