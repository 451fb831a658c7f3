import type { Normalization } from "../contract/normalization";
import type { Augment, Precision } from "../contract/recipe";
import { assembleBatch, sampleViews } from "../tensor/ops/assemble-batch";
import { fromArray, scope, type Tensor } from "../tensor/tensor";
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

export const NO_AUGMENT: Augment = { crop: 0, flip: false, views: null };

/** [N,Z,Z,3], of the type that stands for the precision: the samples `indices` of the split, augmented, resized (bilinear, antialiased when shrinking) and normalised. */
export function assemble(split: Split, indices: Int32Array, view: View): Tensor {
  const chosen = fromArray(indices, [indices.length]);
  const { imageSize: size, mean, std, augment, seed, epoch, precision } = view;
  const dtype = precision === "bf16" ? "bf16" : "f32";
  const y = assembleBatch(split.images, chosen, { size, mean, std, crop: augment.crop, flip: augment.flip, seed, epoch, dtype });
  chosen.release();
  return y;
}

/** Pixels of a crop at most, one more than its largest offset. */
const CROP_LIMIT = 128;

/** [count]: a number for what `assemble` shows of each sample, whatever the size and normalisation; equal for the same crop and flip of the same sample alone. */
export function viewNumbers(count: number, { augment, seed, epoch }: View): Float64Array {
  const views = scope(() => sampleViews(count, { crop: augment.crop, flip: augment.flip, seed, epoch }).toInt32());
  return Float64Array.from({ length: count }, (_, sample) => {
    const [top, left, flip] = views.subarray(3 * sample) as unknown as [number, number, number];
    return ((sample * 2 * CROP_LIMIT + top + CROP_LIMIT) * 2 * CROP_LIMIT + left + CROP_LIMIT) * 2 + flip;
  });
}

/** i32 [N] */
export function labelsOf(split: Split, indices: Int32Array): Tensor {
  return fromArray(
    indices.map((index) => split.labels[index]!),
    [indices.length],
  );
}
