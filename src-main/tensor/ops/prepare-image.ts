import { backend, empty, type Tensor } from "../tensor";

/** For each channel (red, green, blue), with values in 0 ... 1. */
export interface Normalization {
  mean: readonly number[];
  std: readonly number[];
}

/**
 * y [1,Z,Z,3] from one u8 image [H,W,3]: shorter side resized to Z (bilinear, half-pixel centres, antialiased when shrinking), centre
 * crop, normalised. Z is `size`.
 */
export function prepareImage(image: Tensor, { size, mean, std }: Normalization & { size: number }): Tensor {
  const y = empty([1, size, size, 3]);
  backend().prepareImage({ image: image.handle, y: y.handle, mean, std });
  return y;
}
