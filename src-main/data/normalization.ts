import { CIFAR10_NORMALIZATION, type Normalization } from "../contract/normalization";
import { randomPermutation } from "../tensor/ops/random";
import { scope } from "../tensor/tensor";
import type { Dataset, Split } from "./dataset";
import { allOf } from "./image-source";
import type { ImageStream } from "./image-stream";

/** Smallest deviation: a constant channel would otherwise be divided by 0. */
const LEAST_STD = 1 / 255;

/** The published normalisation of a format's images; null: measure it. */
export function publishedNormalization({ format }: Pick<Dataset, "format">): Normalization | null {
  return format === "cifar10-binary" ? CIFAR10_NORMALIZATION : null;
}

/** Of images that are read when they are needed, so many tell, drawn from all. */
const MEASURED = 2000;
const BATCH = 250;
/** The same images whatever the seed. The number lies beside those in division.ts. */
const STREAM = 2 ** 39 + 2;

/**
 * Mean and population standard deviation of each channel over all pixels of a split as stored, or of 2,000 of its images if they are read when they are
 * needed, in 0 ... 1, and the number of images. Computed from integer counts, so that order and threads do not matter.
 */
export async function measureNormalization(split: Pick<Split, "count" | "images" | "stream">): Promise<Normalization & { images: number }> {
  const counts = [new Float64Array(256), new Float64Array(256), new Float64Array(256)];
  const images = split.stream ? await countSome(split, split.stream, counts) : split.count;
  if (!split.stream) countValues(split.images.toUint8(), counts);
  const channels = counts.map(meanAndStd);
  return { mean: channels.map(({ mean }) => mean), std: channels.map(({ std }) => Math.max(std, LEAST_STD)), images };
}

async function countSome({ count }: Pick<Split, "count">, stream: ImageStream, counts: Float64Array[]): Promise<number> {
  // Whether a device holds all images depends on the machine, but what is measured must not.
  const drawn = stream.isHeld ? allOf(count) : drawnFrom(count);
  for (let at = 0; at < drawn.length; at += BATCH) {
    countValues(await stream.read(drawn.subarray(at, at + BATCH)), counts);
  }
  return drawn.length;
}

const drawnFrom = (count: number): Int32Array =>
  scope(() => randomPermutation(count, { seed: 0, stream: STREAM }).toInt32())
    .slice(0, MEASURED)
    .sort();

/** Adds to the counts of each channel how often each of the 256 values occurs in pixels [...,3]. */
function countValues(pixels: Uint8Array, [red, green, blue]: Float64Array[]): void {
  for (let i = 0; i < pixels.length; i += 3) {
    red![pixels[i]!]!++;
    green![pixels[i + 1]!]!++;
    blue![pixels[i + 2]!]!++;
  }
}

function meanAndStd(counts: Float64Array): { mean: number; std: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / total;
  const variance = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / total;
  return { mean: mean / 255, std: Math.sqrt(variance) / 255 };
}
