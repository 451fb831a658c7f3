/**
 * Images are [N,H,W,C]. Between `withBatchInside` and `withBatchOutside` they are [H,W,N,C], marked by `Tensor.hwnc`: there the pixels of a batch
 * are the rows of a matrix, which convolutions by tiles read in place. Convolutions, batch norms, pools and elementwise ops take both.
 */
import { backend, empty, type Tensor } from "../tensor";
import { swapAxes } from "./swap-axes";

/** Extents of images in either layout. */
export interface ImageExtents {
  N: number;
  H: number;
  W: number;
  C: number;
}

export function imageExtents({ shape, hwnc }: Tensor): ImageExtents {
  const [a, b, c, C] = shape as [number, number, number, number];
  return hwnc ? { N: c, H: a, W: b, C } : { N: a, H: b, W: c, C };
}

/** New images with the type and layout of `x` and undefined content. */
export function emptyImages(x: Tensor, { N, H, W, C }: ImageExtents): Tensor {
  return empty(imageShape({ N, H, W, C }, x.hwnc), x.dtype, x.hwnc);
}

/** The images as convolutions read them fastest: [H,W,N,C] if they are several, in bf16, and convolved by tiles; otherwise as they are. */
export function withBatchInside(x: Tensor): Tensor {
  const { N } = imageExtents(x);
  return x.hwnc || N === 1 || x.dtype !== "bf16" || !convolvesByTiles() ? x : swapped(x);
}

/** The images as all other ops take them, [N,H,W,C]. Tensors that are no images are returned as they are. */
export function withBatchOutside(x: Tensor): Tensor {
  return x.hwnc ? swapped(x) : x;
}

/** Whether convolutions of images in bf16 are computed by tiles now. */
export function convolvesByTiles(): boolean {
  if (backend().device() !== "cpu") return false;
  const { isa, bf16Products } = backend().cpuFeatures();
  return isa === "amx" && bf16Products === "bf16";
}

/** The same images in the other layout. */
function swapped(x: Tensor): Tensor {
  const { N, H, W, C } = imageExtents(x);
  const rows = swapAxes(x.reshape(x.hwnc ? [H * W, N, C] : [N, H * W, C]));
  return rows.reshape(imageShape({ N, H, W, C }, !x.hwnc), !x.hwnc);
}

const imageShape = ({ N, H, W, C }: ImageExtents, hwnc: boolean) => (hwnc ? [H, W, N, C] : [N, H, W, C]);
