import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import { blend } from "../tensor/ops/blend";
import { fromArray, type Tensor } from "../tensor/tensor";
import type { Split } from "./dataset";

/** How a network is shown images. */
export interface Rendering extends Normalization {
  /** Side in pixels. */
  imageSize: number;
  precision: Precision;
}

/** Samples of a split, with the view of each and what it is mixed with. */
export interface Shown {
  /** [N] */
  indices: Int32Array;
  /** [N,3], rows of top, left and flip, as `sampleViews` makes them; null: as stored. */
  views: Int32Array | null;
  /** Null or left out: each image alone. */
  mix?: Mix | null;
}

/** With what each image is mixed: mixture = share * image + (1 - share) * partner. */
export interface Mix {
  /** [N], samples. */
  partners: Int32Array;
  /** [N,3], of the partners; null: as stored. */
  views: Int32Array | null;
  /** [N], 0.5 ... 1. */
  shares: Float32Array;
}

/** What is shown in these of its rows. */
export function rowsOf({ indices, views, mix }: Shown, rows: ArrayLike<number>): Shown {
  const taken = (samples: Int32Array) => Int32Array.from(rows, (n) => samples[n]!);
  return {
    indices: taken(indices),
    views: viewsOf(views, rows),
    mix: mix && { partners: taken(mix.partners), views: viewsOf(mix.views, rows), shares: Float32Array.from(rows, (n) => mix.shares[n]!) },
  };
}

/** Rows of views [N,3]. */
export function viewsOf(views: Int32Array | null, rows: ArrayLike<number>): Int32Array | null {
  if (!views) return null;
  const taken = new Int32Array(3 * rows.length);
  for (let i = 0; i < rows.length; i++) taken.set(views.subarray(3 * rows[i]!, 3 * rows[i]! + 3), 3 * i);
  return taken;
}

/**
 * [N,Z,Z,3], of the type that stands for the precision: cropped, flipped, resized (bilinear, antialiased when shrinking), normalised, and then
 * mixed, which is the same as before normalising.
 */
export function render(split: Split, { indices, views, mix }: Shown, rendering: Rendering): Tensor {
  const images = renderUnmixed(split, indices, views, rendering);
  if (!mix) return images;
  const partners = renderUnmixed(split, mix.partners, mix.views, rendering);
  const shares = fromArray(mix.shares, [indices.length]);
  const y = blend(images, partners, shares);
  for (const tensor of [images, partners, shares]) tensor.release();
  return y;
}

function renderUnmixed(split: Split, indices: Int32Array, views: Int32Array | null, { imageSize: size, mean, std, precision }: Rendering): Tensor {
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

/** f32 [N,K], the classes of each mixture: the share at the image's class and the rest at its partner's; 1 where both have the same. */
export function mixtureOf(split: Split, indices: Int32Array, { partners, shares }: Mix, classes: number): Tensor {
  const y = new Float32Array(indices.length * classes);
  for (const [n, share] of shares.entries()) {
    y[n * classes + split.labels[indices[n]!]!]! += share;
    y[n * classes + split.labels[partners[n]!]!]! += 1 - share;
  }
  return fromArray(y, [indices.length, classes]);
}
