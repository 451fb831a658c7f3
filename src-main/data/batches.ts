import type { Augment } from "../contract/recipe";
import { backend, empty, fromArray, type Tensor } from "../tensor/tensor";
import type { Split } from "./dataset";

/** How a network sees an image. Two views that differ in size and normalisation alone show the same crop and flip. */
export interface View {
  /** Side in pixels. */
  imageSize: number;
  /** Of the channels R, G, B scaled to 0 ... 1. */
  mean: readonly number[];
  std: readonly number[];
  augment: Augment;
  seed: number;
  /** From 1; augmentation differs from epoch to epoch. */
  epoch: number;
}

export const NO_AUGMENT: Augment = { crop: 0, flip: false };

/** f32 [N,Z,Z,3]: the samples `indices` of the split, augmented, resized (bilinear, antialiased when shrinking) and normalised. */
export function assemble(split: Split, indices: Int32Array, view: View): Tensor {
  const y = empty([indices.length, view.imageSize, view.imageSize, 3]);
  const chosen = fromArray(indices, [indices.length]);
  backend().assembleBatch({
    images: split.images.handle,
    indices: chosen.handle,
    y: y.handle,
    crop: view.augment.crop,
    flip: view.augment.flip,
    seed: view.seed,
    epoch: view.epoch,
    mean: view.mean,
    std: view.std,
  });
  chosen.release();
  return y;
}

/** i32 [N] */
export function labelsOf(split: Split, indices: Int32Array): Tensor {
  return fromArray(
    indices.map((index) => split.labels[index]!),
    [indices.length],
  );
}
