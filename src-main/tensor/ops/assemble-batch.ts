import type { DType } from "../../backend/addon";
import { backend, empty, type Tensor } from "../tensor";

export interface SampleViewsOptions {
  /** Zero padding in pixels before a random crop back to the image's size; 0: no crop. */
  crop: number;
  /** Random horizontal flip. */
  flip: boolean;
  seed: number;
  epoch: number;
}

export interface AssembleBatchOptions {
  /** For each channel (red, green, blue), with values in 0 ... 1. */
  mean: readonly number[];
  std: readonly number[];
  /** Z: side of the output in pixels. */
  size: number;
  /** Type of y: f32 (the default) or bf16. */
  dtype?: DType;
}

/** i32; null or left out: as stored. */
export interface BatchViews {
  /** [N,3]: top and left of the crop, which may lie beyond the image, and whether it is flipped, 0 or 1. */
  views?: Tensor | null;
  /** [N,2]: height and width of the crop, at most those of the image, which null takes. */
  sizes?: Tensor | null;
  /** [N,4]: top, left, height and width of a rectangle in the flipped crop that becomes black. */
  erased?: Tensor | null;
}

/**
 * y [N,Z,Z,3] from u8 images [count,H,W,3] at indices [N] (i32). Each image is cropped and flipped, a rectangle of it erased, all as its views say,
 * then resized (bilinear) and normalised. Batches of the same views show the same content at any size and normalisation.
 */
export function assembleBatch(images: Tensor, indices: Tensor, { views, sizes, erased }: BatchViews, options: AssembleBatchOptions): Tensor {
  const { size, dtype = "f32", ...normalization } = options;
  const y = empty([indices.size, size, size, 3], dtype);
  const shown = { views: views?.handle, sizes: sizes?.handle, erased: erased?.handle };
  backend().assembleBatch({ images: images.handle, indices: indices.handle, ...shown, y: y.handle, ...normalization });
  return y;
}

/**
 * i32 [N,3]: a random view of each sample 0 ... N-1 in an epoch, which depends only on (seed, epoch, sample): top and left of the crop,
 * -crop ... crop pixels, and whether it is flipped, 0 or 1.
 */
export function sampleViews(count: number, { crop, flip, seed, epoch }: SampleViewsOptions): Tensor {
  const y = empty([count, 3], "i32");
  backend().sampleViews({ y: y.handle, crop, flip, seed, epoch });
  return y;
}
