import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import { fromArray, type Tensor } from "../tensor/tensor";
import type { Split } from "./dataset";

/** How a network is shown images. */
export interface Rendering extends Normalization {
  /** Side in pixels. */
  imageSize: number;
  precision: Precision;
}

/** Samples of a split and the view of each: rows of top, left and flip, as `sampleViews` makes them; null: as stored. */
export interface Shown {
  indices: Int32Array;
  views: Int32Array | null;
}

/** [N,Z,Z,3] in the type of the precision: cropped, flipped, resized (bilinear, antialiased when shrinking) and normalised. */
export function render(split: Split, { indices, views }: Shown, { imageSize: size, mean, std, precision }: Rendering): Tensor {
  const chosen = fromArray(indices, [indices.length]);
  const seen = views && fromArray(views, [indices.length, 3]);
  const y = assembleBatch(split.images, chosen, seen, { size, mean, std, dtype: precision === "bf16" ? "bf16" : "f32" });
  chosen.release();
  seen?.release();
  return y;
}

/** i32 [N] */
export function labelsOf(split: Split, indices: Int32Array): Tensor {
  return fromArray(
    indices.map((index) => split.labels[index]!),
    [indices.length],
  );
}
