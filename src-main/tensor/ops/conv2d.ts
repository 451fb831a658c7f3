import type { Padding } from "../../backend/addon";
import { backend, empty, gradientOf, record, type Tensor } from "../tensor";
import { emptyImages, type ImageExtents, imageExtents } from "./image-layout";

/** How windows slide over images. */
export interface Windows {
  stride?: number;
  padding?: Padding;
}

/**
 * y [N,P,Q,O]: cross-correlation of x [N,H,W,C] with weight [O,C,R,S], plus bias [O]. Zero padding: P = floor((H + 2 padding - R) / stride) + 1, or
 * ceil(H / stride) if padding is "same". torch.nn.functional.conv2d on channels-last images. Where images have another layout (image-layout.ts), so has y.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, { stride = 1, padding = 0 }: Windows = {}): Tensor {
  const { hwnc } = x;
  const y = emptyImages(x, convolved(x, weight, stride, padding));
  backend().conv2dForward({ x: x.handle, weight: weight.handle, bias: bias?.handle, y: y.handle, stride, padding, hwnc });

  return record(y, [x, weight, bias], (dy) => {
    const dx = gradientOf(x);
    if (dx) backend().conv2dBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle, stride, padding, hwnc });
    const dbias = gradientOf(bias);
    const dweight = dbias ? empty(weight.shape) : gradientOf(weight);
    if (dweight) backend().conv2dBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, dbias: dbias?.handle, stride, padding, hwnc });
    return [dx, dweight, dbias];
  });
}

/** Extents of the convolution's output. */
export function convolved(x: Tensor, weight: Tensor, stride: number, padding: Padding): ImageExtents {
  const { N, H, W } = imageExtents(x);
  const [O, , R, S] = weight.shape as [number, number, number, number];
  return { N, H: windows(H, R, stride, padding), W: windows(W, S, stride, padding), C: O };
}

/** Number of windows of size `kernel` along `extent`. */
export function windows(extent: number, kernel: number, stride: number, padding: Padding): number {
  if (padding === "same") return Math.ceil(extent / stride);
  return Math.floor((extent + 2 * padding - kernel) / stride) + 1;
}
