import { backend, emptyLike, record, type Tensor } from "../tensor";

/** Exact GELU, x Phi(x), elementwise. torch.nn.functional.gelu. */
export function gelu(x: Tensor): Tensor {
  const y = emptyLike(x);
  backend().geluForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().geluBackward({ x: x.handle, dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
