import type { Augment, Precision } from "../contract/recipe";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import type { Normalization } from "../tensor/ops/prepare-image";
import { fromArray, type Tensor } from "../tensor/tensor";
import type { Split } from "./dataset";

/** How a network sees an image. Two views that differ in size and normalisation alone show the same crop and flip. */
export interface View extends Normalization {
  precision: Precision;
  /** Side in pixels. */
  imageSize: number;
  augment: Augment;
  seed: number;
  /** From 1; augmentation differs from epoch to epoch. */
  epoch: number;
}

export const NO_AUGMENT: Augment = { crop: 0, flip: false };

/** [N,Z,Z,3], of the type that stands for the precision: the samples `indices` of the split, augmented, resized (bilinear, antialiased when shrinking) and normalised. */
export function assemble(split: Split, indices: Int32Array, view: View): Tensor {
  const chosen = fromArray(indices, [indices.length]);
  const { imageSize: size, mean, std, augment, seed, epoch, precision } = view;
  const dtype = precision === "bf16" ? "bf16" : "f32";
  const y = assembleBatch(split.images, chosen, { size, mean, std, ...augment, seed, epoch, dtype });
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
