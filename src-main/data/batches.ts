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

/** What is shown in several, one after the other, which are alike in what they leave out. */
export function joined(parts: readonly Shown[]): Shown {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const whole = (of: (shown: Shown) => Int32Array) => Int32Array.from(parts.flatMap((part) => [...of(part)]));
  const mix = first!.mix && {
    partners: whole(({ mix }) => mix!.partners),
    views: first!.mix.views && whole(({ mix }) => mix!.views!),
    shares: Float32Array.from(parts.flatMap(({ mix }) => [...mix!.shares])),
  };
  return { indices: whole(({ indices }) => indices), views: first!.views && whole(({ views }) => views!), mix };
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

/** i32 [N]; 0 for an image without a label. */
export function labelsOf(split: Split, indices: Int32Array): Tensor {
  return fromArray(
    indices.map((index) => Math.max(split.labels[index]!, 0)),
    [indices.length],
  );
}

/**
 * f32 [N,K], the classes of each mixture: the share at the image's class and the rest at its partner's; 1 where both have the same. Rows are
 * multiplied by `scale`. A partner without a label adds nothing to its row, and the row of an image without one is 0.
 */
export function mixtureOf(split: Split, indices: Int32Array, { partners, shares }: Mix, classes: number, scale = 1): Tensor {
  const y = new Float32Array(indices.length * classes);
  for (const [n, share] of shares.entries()) {
    const [own, other] = [split.labels[indices[n]!]!, split.labels[partners[n]!]!];
    if (own < 0) continue;
    y[n * classes + own]! += scale * share;
    if (other >= 0) y[n * classes + other]! += scale * (1 - share);
  }
  return fromArray(y, [indices.length, classes]);
}

/** How much of a batch is labelled. */
export interface LabelledShares {
  /** [N], 0 ... 1: 1 for an image with a label, less the share of a partner without one. */
  shares: Float32Array;
  /** Times which the shares have mean 1, so that images without labels take nothing from the others; 0 if no image has a label. */
  scale: number;
}

export function labelledShares(split: Split, { indices, mix }: Shown): LabelledShares {
  const has = (sample: number) => split.labels[sample]! >= 0;
  const shares = Float32Array.from(indices, (sample, n) => {
    if (!has(sample)) return 0;
    return mix && !has(mix.partners[n]!) ? mix.shares[n]! : 1;
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  return { shares, scale: total > 0 ? shares.length / total : 0 };
}
