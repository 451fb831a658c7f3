import type { TrainSettings } from "../contract/recipe";

export type ScheduleSettings = Pick<TrainSettings, "epochs" | "learningRate" | "schedule" | "warmupEpochs">;

/**
 * The learning rate of one step. `epoch` and `batch` count from 0.
 *
 * cosine-epoch is torch.optim.lr_scheduler.CosineAnnealingLR(T_max = epochs) stepped after each epoch; cosine-step the same with T_max =
 * epochs * batchesPerEpoch, stepped after each batch. With warm-up the rate first rises in equal steps (the first step is not 0); the cosine
 * spans the rest and begins at the full rate.
 */
export function learningRateAt(settings: ScheduleSettings, batchesPerEpoch: number, epoch: number, batch: number): number {
  const unitsPerEpoch = settings.schedule === "cosine-epoch" ? 1 : batchesPerEpoch;
  const now = settings.schedule === "cosine-epoch" ? epoch : epoch * batchesPerEpoch + batch;
  const warmup = settings.warmupEpochs * unitsPerEpoch;
  if (now < warmup) return settings.learningRate * Math.min(1, (now + 1) / warmup);
  if (settings.schedule === "constant") return settings.learningRate;
  const span = settings.epochs * unitsPerEpoch - warmup;
  return (settings.learningRate * (1 + Math.cos((Math.PI * (now - warmup)) / span))) / 2;
}
