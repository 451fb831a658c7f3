import { backend, empty, emptyLike, record, type Tensor } from "../tensor";
import { imageExtents } from "./image-layout";

/** y [N,C] = mean of x [N,H,W,C] over H and W */
export function averagePool(x: Tensor): Tensor {
  const { N, C } = imageExtents(x);
  const y = empty([N, C], x.dtype);
  backend().averagePoolForward({ x: x.handle, y: y.handle, hwnc: x.hwnc });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().averagePoolBackward({ dy: dy.handle, dx: dx.handle, hwnc: x.hwnc });
    return [dx];
  });
}
