import type { BatchColumns, BatchRecord } from "./run";

/** Records as columns. A part that only some of them have is 0 in the others. */
export function columnsOf(records: readonly BatchRecord[]): BatchColumns {
  const column = (value: (record: BatchRecord) => number) => Float32Array.from(records, value);
  const names = [...new Set(records.flatMap(({ parts }) => Object.keys(parts)))];
  return {
    batches: records.length,
    perEpoch: perEpochOf(
      records.length,
      (index) => records[index]!.epoch,
      (index) => records[index]!.iter,
    ),
    loss: column(({ loss }) => loss),
    trainAcc: column(({ trainAcc }) => trainAcc),
    lr: column(({ lr }) => lr),
    imagesPerSecond: column(({ imagesPerSecond }) => imagesPerSecond),
    parts: Object.fromEntries(names.map((name) => [name, column(({ parts }) => parts[name] ?? 0)])),
  };
}

/** Of batches in order, the number of the last one of the first epoch. */
export function perEpochOf(batches: number, epoch: (index: number) => number, iter: (index: number) => number): number {
  let most = 0;
  for (let i = 0; i < batches && epoch(i) === 1; i++) most = Math.max(most, iter(i));
  return most;
}
