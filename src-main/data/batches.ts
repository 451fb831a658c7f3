import type { Normalization } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import { blend } from "../tensor/ops/blend";
import { fromArray, type Tensor } from "../tensor/tensor";
import type { Split } from "./dataset";
import { PLAIN_VIEW } from "./views";

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
  /** [N,3] or [N,9], rows as `drawViews` makes them; null: as stored. */
  views: Int32Array | null;
  /** Null or left out: each image alone. */
  mix?: Mix | null;
}

/** With what each image is mixed: mixture = share * image + (1 - share) * partner, or the image with a part covered by its partner's. */
export interface Mix {
  /** [N], samples. */
  partners: Int32Array;
  /** [N,3] or [N,9], of the partners; null: as stored. */
  views: Int32Array | null;
  /** [N], 0 ... 1: the image's share of the mixture, and of its labels. */
  shares: Float32Array;
  /** [N,4], the part that the partner covers: top, left, height and width in pixels of the stored image; all 0 where the two are blended. Null: all are. */
  boxes?: Int32Array | null;
}

/** What is shown in these of its rows. */
export function rowsOf({ indices, views, mix }: Shown, rows: ArrayLike<number>): Shown {
  const taken = (values: Int32Array) => rowsIn(values, indices.length, rows);
  return {
    indices: taken(indices),
    views: views && taken(views),
    mix: mix && {
      partners: taken(mix.partners),
      views: mix.views && taken(mix.views),
      shares: Float32Array.from(rows, (n) => mix.shares[n]!),
      boxes: mix.boxes && taken(mix.boxes),
    },
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
    boxes: first!.mix.boxes && whole(({ mix }) => mix!.boxes!),
  };
  return { indices: whole(({ indices }) => indices), views: first!.views && whole(({ views }) => views!), mix };
}

/** Rows of a matrix [count,...]. */
export function rowsIn(matrix: Int32Array, count: number, rows: ArrayLike<number>): Int32Array {
  const columns = matrix.length / count;
  const taken = new Int32Array(columns * rows.length);
  for (let i = 0; i < rows.length; i++) taken.set(matrix.subarray(columns * rows[i]!, columns * (rows[i]! + 1)), columns * i);
  return taken;
}

/** The samples that are shown, those with which they are mixed among them. */
export const samplesOf = ({ indices, mix }: Shown): Int32Array => (mix ? Int32Array.of(...indices, ...mix.partners) : indices);

/** Has to be awaited before samples are rendered. Those that are needed `next` are made ready meanwhile. */
export async function need(split: Split, samples: Int32Array, next: Int32Array = new Int32Array()): Promise<void> {
  await split.stream?.need(storedOf(split, samples), storedOf(split, next));
}

/** [N]: the places of these samples among the images that are stored. */
const storedOf = ({ rows }: Split, samples: Int32Array): Int32Array => (rows ? samples.map((sample) => rows[sample]!) : samples);

/**
 * [N,Z,Z,3], of the type that stands for the precision: cropped, flipped, erased, resized (bilinear, antialiased when shrinking), normalised, and then
 * mixed, which is the same as before normalising. A partner covers the pixels whose centres lie in its box. The samples must have been needed.
 */
export function render(split: Split, { indices, views, mix }: Shown, rendering: Rendering): Tensor {
  const images = renderUnmixed(split, indices, views, rendering);
  if (!mix) return images;
  const partners = renderUnmixed(split, mix.partners, mix.views, rendering);
  const { shares, boxes } = blendingAt(rendering.imageSize, mix, split);
  const y = blend(images, partners, shares, boxes);
  for (const tensor of [images, partners, shares, boxes]) tensor?.release();
  return y;
}

/** What `blend` takes at a size of Z pixels: within its box an image is covered by its partner, or all of it is blended. */
function blendingAt(Z: number, { shares, boxes }: Mix, { H, W }: Split): { shares: Tensor; boxes: Tensor | null } {
  const count = shares.length;
  if (!boxes) return { shares: fromArray(shares, [count]), boxes: null };
  const rows = Array.from(shares, (_, n) => boxes.subarray(4 * n, 4 * n + 4) as unknown as [number, number, number, number]);
  const isCovered = rows.map(([, , height, width]) => height * width > 0);
  // The first pixel whose centre does not lie before an edge.
  const pixel = (edge: number, side: number) => Math.ceil((2 * edge * Z - side) / (2 * side));
  const scaled = rows.flatMap(([top, left, height, width], n) => {
    if (!isCovered[n]) return [0, 0, Z, Z];
    const [y, x] = [pixel(top, H), pixel(left, W)];
    return [y, x, pixel(top + height, H) - y, pixel(left + width, W) - x];
  });
  const blended = shares.map((share, n) => (isCovered[n] ? 0 : share));
  return { shares: fromArray(blended, [count]), boxes: fromArray(Int32Array.from(scaled), [count, 4]) };
}

function renderUnmixed(split: Split, indices: Int32Array, views: Int32Array | null, { imageSize: size, mean, std, precision }: Rendering): Tensor {
  const stored = storedOf(split, indices);
  const chosen = fromArray(split.stream?.rowsOf(stored) ?? stored, [indices.length]);
  const seen = views ? columnsOf(views, indices.length) : {};
  const y = assembleBatch(split.images, chosen, seen, { size, mean, std, dtype: precision === "bf16" ? "bf16" : "f32" });
  for (const tensor of [chosen, ...Object.values(seen)]) tensor.release();
  return y;
}

/** Views [N,3] or [N,9] as tensors. */
function columnsOf(views: Int32Array, count: number): Record<string, Tensor> {
  const columns = views.length / count;
  const from = (first: number, width: number) =>
    fromArray(
      Int32Array.from({ length: count * width }, (_, i) => views[Math.floor(i / width) * columns + first + (i % width)]!),
      [count, width],
    );
  return columns === PLAIN_VIEW ? { views: fromArray(views, [count, PLAIN_VIEW]) } : { views: from(0, 3), sizes: from(3, 2), erased: from(5, 4) };
}

/** [N]: the sample whose label counts, of the two in a mixture the one with the larger share. */
export function dominantOf({ indices, mix }: Shown): Int32Array {
  return mix ? indices.map((sample, n) => (mix.shares[n]! >= 0.5 ? sample : mix.partners[n]!)) : indices;
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
 * multiplied by `scale`. An image without a label adds nothing to its row, and where it is the larger part, the row is 0.
 */
export function mixtureOf(split: Split, indices: Int32Array, { partners, shares }: Mix, classes: number, scale = 1): Tensor {
  const y = new Float32Array(indices.length * classes);
  for (const [n, share] of shares.entries()) {
    const [own, other] = [split.labels[indices[n]!]!, split.labels[partners[n]!]!];
    if ((share >= 0.5 ? own : other) < 0) continue;
    if (own >= 0) y[n * classes + own]! += scale * share;
    if (other >= 0) y[n * classes + other]! += scale * (1 - share);
  }
  return fromArray(y, [indices.length, classes]);
}

/** How much of a batch is labelled. */
export interface LabelledShares {
  /** [N], 0 ... 1: 1 for an image with a label; of a mixture, the share that has labels, or 0 if its larger part has none. */
  shares: Float32Array;
  /** Times which the shares have mean 1, so that images without labels take nothing from the others; 0 if no image has a label. */
  scale: number;
}

export function labelledShares(split: Split, shown: Shown): LabelledShares {
  const { indices, mix } = shown;
  const has = (sample: number) => split.labels[sample]! >= 0;
  const shares = Float32Array.from(dominantOf(shown), (dominant, n) => {
    if (!has(dominant)) return 0;
    const other = mix && (dominant === indices[n] ? mix.partners[n]! : indices[n]!);
    return mix && !has(other!) ? Math.max(mix.shares[n]!, 1 - mix.shares[n]!) : 1;
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  return { shares, scale: total > 0 ? shares.length / total : 0 };
}
