import { backend, empty, emptyLike, record, type Tensor } from "../tensor";
import { windows } from "./conv2d";

/** y [N,P,Q,C] = maximum of each window of x [N,H,W,C]; among equal values the first wins. torch.nn.functional.max_pool2d. */
export function maxPool(x: Tensor, { kernel, stride, padding }: { kernel: number; stride: number; padding: number }): Tensor {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const y = empty([N, windows(H, kernel, stride, padding), windows(W, kernel, stride, padding), C], x.dtype);
  const indices = empty(y.shape, "i32");
  backend().maxPoolForward({ x: x.handle, y: y.handle, indices: indices.handle, kernel, stride, padding });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().maxPoolBackward({ dy: dy.handle, indices: indices.handle, dx: dx.handle, kernel, stride, padding });
    return [dx];
  });
}
