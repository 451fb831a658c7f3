import { CIFAR10_NORMALIZATION, type Normalization } from "../contract/normalization";
import type { Dataset, Split } from "./dataset";

/** Least deviation: a channel that never changes would be divided by 0. */
const LEAST_STD = 1 / 255;

/** What a fresh student's images are normalised with: CIFAR-10's published numbers on CIFAR-10, else the data's own, which are measured now. */
export function normalizationOf({ format, train }: Pick<Dataset, "format" | "train">): Normalization {
  return format === "image-folder" ? measureNormalization(train) : CIFAR10_NORMALIZATION;
}

/**
 * Mean and standard deviation (of the population) of each channel over all pixels of a split as they are stored, in 0 ... 1. From counts
 * of whole numbers, so that neither order nor threads play a part.
 */
export function measureNormalization({ images }: Pick<Split, "images">): Normalization {
  const channels = countValues(images.toUint8()).map(meanAndStd);
  return { mean: channels.map(({ mean }) => mean), std: channels.map(({ std }) => Math.max(std, LEAST_STD)) };
}

/** pixels [...,3] -> for each channel, how often each of the 256 values occurs */
function countValues(pixels: Uint8Array): Float64Array[] {
  const counts = [0, 1, 2].map(() => new Float64Array(256));
  for (const [c, count] of counts.entries()) for (let i = c; i < pixels.length; i += 3) count[pixels[i]!]!++;
  return counts;
}

function meanAndStd(counts: Float64Array): { mean: number; std: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, value) => sum + count * value, 0) / total;
  const variance = counts.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / total;
  return { mean: mean / 255, std: Math.sqrt(variance) / 255 };
}
