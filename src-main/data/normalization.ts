import { CIFAR10_NORMALIZATION, type Normalization } from "../contract/normalization";
import type { Dataset, Split } from "./dataset";

/** Smallest deviation: a constant channel would otherwise be divided by 0. */
const LEAST_STD = 1 / 255;

/** The published normalisation of a format's images; null: measure it. */
export function publishedNormalization({ format }: Pick<Dataset, "format">): Normalization | null {
  return format === "cifar10-binary" ? CIFAR10_NORMALIZATION : null;
}

/**
 * Mean and population standard deviation of each channel over all pixels of a split as stored, in 0 ... 1. Computed from integer counts, so
 * that order and threads do not matter.
 */
export function measureNormalization({ images }: Pick<Split, "images">): Normalization {
  const channels = countValues(images.toUint8()).map(meanAndStd);
  return { mean: channels.map(({ mean }) => mean), std: channels.map(({ std }) => Math.max(std, LEAST_STD)) };
}

/** pixels [...,3] -> for each channel, how often each of the 256 values occurs */
function countValues(pixels: Uint8Array): Float64Array[] {
  const [red, green, blue] = [new Float64Array(256), new Float64Array(256), new Float64Array(256)];
  for (let i = 0; i < pixels.length; i += 3) {
    red[pixels[i]!]!++;
    green[pixels[i + 1]!]!++;
    blue[pixels[i + 2]!]!++;
  }
  return [red, green, blue];
}

function meanAndStd(counts: Float64Array): { mean: number; std: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / total;
  const variance = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / total;
  return { mean: mean / 255, std: Math.sqrt(variance) / 255 };
}
