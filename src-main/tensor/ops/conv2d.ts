import { backend, empty, gradientOf, record, type Tensor } from "../tensor";

/**
 * y [N,P,Q,O]: cross-correlation of x [N,H,W,C] with weight [O,C,R,S], plus bias [O]. Zero padding; P = floor((H + 2 padding - R) / stride) + 1.
 * torch.nn.functional.conv2d on channels-last images.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, { stride = 1, padding = 0 }: { stride?: number; padding?: number } = {}): Tensor {
  const [N, H, W] = x.shape as [number, number, number];
  const [O, , R, S] = weight.shape as [number, number, number, number];
  const y = empty([N, windows(H, R, stride, padding), windows(W, S, stride, padding), O], x.dtype);
  backend().conv2dForward({ x: x.handle, weight: weight.handle, bias: bias?.handle, y: y.handle, stride, padding });

  return record(y, [x, weight, bias], (dy) => {
    const dx = gradientOf(x);
    if (dx) backend().conv2dBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle, stride, padding });
    const dbias = gradientOf(bias);
    const dweight = dbias ? empty(weight.shape) : gradientOf(weight);
    if (dweight) backend().conv2dBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, dbias: dbias?.handle, stride, padding });
    return [dx, dweight, dbias];
  });
}

/** Number of windows of size `kernel` along `extent`. */
export function windows(extent: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((extent + 2 * padding - kernel) / stride) + 1;
}
