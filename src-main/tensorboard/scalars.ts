/** What TensorBoard and MLflow show of a run: tags, named as the columns of batches.csv and epochs.csv, and steps. */
import { perEpochOf } from "../contract/columns";
import type { BatchRecord, EpochRecord, RunDetails } from "../contract/run";

/** What was measured at one step. `time`: seconds since 1970. */
export interface StepScalars {
  time: number;
  step: number;
  scalars: Record<string, number>;
}

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

/** All of a run that began at the time `start`. A run does not keep when each batch was trained: its times are those of a training in one go, from what each batch took. */
export function* scalarsOfRun(run: Pick<RunDetails, "batches" | "epochRecords" | "recipe">, start: number): Generator<StepScalars> {
  const { batches, epochRecords, recipe } = run;
  const perEpoch = perEpochOf(
    batches.length,
    (i) => batches[i]!.epoch,
    (i) => batches[i]!.iter,
  );
  const absent = absentParts(batches);
  let time = start;
  let next = 0;
  for (const record of [...epochRecords, null]) {
    for (; next < batches.length && (record === null || batches[next]!.epoch <= record.epoch); next++) {
      const batch = batches[next]!;
      time += batch.imagesPerSecond > 0 ? recipe.train.batchSize / batch.imagesPerSecond : 0;
      yield { time, step: stepOf(batch, perEpoch), scalars: batchScalars(without(absent, batch)) };
    }
    if (record) yield { time, step: next > 0 ? stepOf(batches[next - 1]!, perEpoch) : record.epoch, scalars: epochScalars(record) };
  }
}

/** Parts that batches.csv has a column for although the loss of this run has no such part. */
function absentParts(batches: readonly BatchRecord[]): string[] {
  return Object.keys(batches[0]?.parts ?? {}).filter((name) => batches.every(({ parts }) => parts[name] === 0));
}

function without(absent: readonly string[], { parts, ...record }: BatchRecord): BatchRecord {
  return { ...record, parts: Object.fromEntries(Object.entries(parts).filter(([name]) => !absent.includes(name))) };
}
