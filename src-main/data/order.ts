import { randomPermutation } from "../tensor/ops/random";
import { scope } from "../tensor/tensor";

// The seed also determines initial weights and augmentation; the order of samples uses its own range of streams.
const FIRST_STREAM = 2 ** 40;

/**
 * Indices of all samples in the order of one epoch (from 1): a permutation that depends only on (seed, epoch), or the stored order
 * without `shuffle`.
 */
export function epochOrder(count: number, options: { shuffle: boolean; seed: number; epoch: number }): Int32Array {
  if (!options.shuffle) return Int32Array.from({ length: count }, (_, i) => i);
  return scope(() => randomPermutation(count, { seed: options.seed, stream: FIRST_STREAM + options.epoch }).toInt32());
}
