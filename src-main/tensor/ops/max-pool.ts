import { backend, empty, emptyLike, record, type Tensor } from "../tensor";
import { windows } from "./conv2d";
import { emptyImages, imageExtents } from "./image-layout";

/** y [N,P,Q,C] = maximum of each window of x [N,H,W,C]; among equal values the first wins. torch.nn.functional.max_pool2d. */
export function maxPool(x: Tensor, { kernel, stride, padding }: { kernel: number; stride: number; padding: number }): Tensor {
  const { N, H, W, C } = imageExtents(x);
  const { hwnc } = x;
  const y = emptyImages(x, { N, H: windows(H, kernel, stride, padding), W: windows(W, kernel, stride, padding), C });
  const indices = empty(y.shape, "i32");
  backend().maxPoolForward({ x: x.handle, y: y.handle, indices: indices.handle, kernel, stride, padding, hwnc });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().maxPoolBackward({ dy: dy.handle, indices: indices.handle, dx: dx.handle, kernel, stride, padding, hwnc });
    return [dx];
  });
}
