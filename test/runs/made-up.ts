import type { BatchRecord } from "../../src-main/contract/run";

/** A loss that falls with noise, without a random number: the same batches in every process. */
export function madeUpBatch(index: number, perEpoch: number): BatchRecord {
  const noise = ((index * 2654435761) % 4294967296) / 4294967296 - 0.5;
  const loss = 0.3 + 2 * Math.exp(-index / (perEpoch * 20)) + 0.6 * noise;
  return {
    epoch: Math.floor(index / perEpoch) + 1,
    iter: (index % perEpoch) + 1,
    loss,
    parts: { ce: loss * 0.4, kd: loss * 0.6 },
    trainAcc: Math.min(1, 0.9 - 0.8 * Math.exp(-index / (perEpoch * 15)) + (0.2 * noise) / ((index % perEpoch) + 1)),
    lr: 1e-3 * (1 - index / 2e6),
    imagesPerSecond: 2000 + 400 * noise,
    chain: null,
  };
}
