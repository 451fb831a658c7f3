/** What TensorBoard shows of a run: tags, named as the columns of batches.csv and epochs.csv, and steps. */
import type { BatchRecord, EpochRecord } from "../contract/run";

/** `iter` starts anew in each epoch, a step does not: batches from 1 over all epochs. */
export const stepOf = ({ epoch, iter }: Pick<BatchRecord, "epoch" | "iter">, batchesPerEpoch: number): number => (epoch - 1) * batchesPerEpoch + iter;

export function batchScalars({ loss, parts, trainAcc, lr, imagesPerSecond }: BatchRecord): Record<string, number> {
  const losses = Object.fromEntries(Object.entries(parts).map(([name, value]) => [`batch/${name}_loss`, value]));
  return { "batch/loss": loss, ...losses, "batch/train_acc": trainAcc, "batch/lr": lr, "batch/images_per_second": imagesPerSecond };
}

/** Without what was not measured in the epoch. */
export function epochScalars(record: EpochRecord): Record<string, number> {
  const scalars = {
    "epoch/train_loss": record.trainLoss,
    "epoch/train_acc": record.trainAcc,
    "epoch/test_acc": record.testAcc,
    "epoch/test_loss": record.testLoss,
    "epoch/val_acc": record.valAcc,
    "epoch/val_loss": record.valLoss,
    "epoch/ema_acc": record.emaAcc,
    "epoch/ema_loss": record.emaLoss,
    "epoch/seconds": record.seconds,
  };
  return Object.fromEntries(Object.entries(scalars).flatMap(([tag, value]) => (value === null || value === undefined ? [] : [[tag, value]])));
}
