import { EXAMPLES } from "../contract/examples";
import { Diverged } from "../contract/failure";
import type { Progress } from "../contract/notices";
import type { EpochRecord } from "../contract/run";
import type { Split } from "../data/dataset";
import { type Evaluation, evaluate, probabilitiesOf } from "./evaluate";
import type { Network } from "./network";
import { ProgressMeter } from "./progress";
import type { Measured, Step, Trainer } from "./trainer";

/** What the loop reports and asks while it runs. */
export interface TrainingHooks {
  /** Awaited before every batch: lets other work in, waits while paused, and throws Interrupted to stop. */
  yieldPoint(): Promise<void>;
  onBatch(trainer: Trainer, step: Step, progress: Progress): void;
  /** Called before the validation or the test images, so many, are evaluated. */
  onTest(trainer: Trainer, images: number, split: "validation" | "test"): void;
  onEpoch(trainer: Trainer, record: EpochRecord, answers: EpochAnswers): void;
}

/** Class probabilities after an epoch. */
export interface EpochAnswers {
  /** [N,K], of all test images after the last epoch and, with validation images, after every epoch; null in others, and if they are too many to be kept. */
  all: Float64Array | null;
  /** [8,K], of `examplesOf` the test images. */
  examples: Float64Array;
}

/** A few test images, the same in every epoch and arm, as `EXAMPLES_RULE` says: the first of each class, then the second, and so on. */
export function examplesOf({ labels }: Pick<Split, "labels">): Int32Array {
  const seen = new Map<number, number>();
  const places = Array.from(labels, (label, index) => {
    const place = seen.get(label) ?? 0;
    seen.set(label, place + 1);
    return { index, label, place };
  });
  places.sort((a, b) => a.place - b.place || a.label - b.label);
  return Int32Array.from(places.slice(0, EXAMPLES), ({ index }) => index);
}

/**
 * Trains one arm, or several alternating by epoch, each from its current position to its last epoch. An error from `yieldPoint` may end it
 * at any batch. It can then be called again with the same trainers, or with others restored from a checkpoint.
 */
export async function train(trainers: readonly Trainer[], hooks: TrainingHooks): Promise<void> {
  const meter = new ProgressMeter(trainers);
  const lastEpoch = Math.max(...trainers.map(({ epochs }) => epochs));
  for (let epoch = 1; epoch <= lastEpoch; epoch++) {
    for (const trainer of trainers) {
      if (trainer.epoch === epoch && !trainer.finished) await trainEpoch(trainer, meter, hooks);
    }
  }
}

async function trainEpoch(trainer: Trainer, meter: ProgressMeter, hooks: TrainingHooks): Promise<void> {
  while (!trainer.epochTrained) {
    await hooks.yieldPoint();
    await trainer.prepare();
    const step = trainer.step();
    hooks.onBatch(trainer, step, meter.afterBatch(trainer, step.record));
  }
  const { student, data, recipe } = trainer;
  const measured = trainer.evaluationDue ? await measureAll(trainer, meter, hooks) : null;
  // Before the epoch ends: a stop may cut an op short.
  const examples = await probabilitiesOf(student, data.test, examplesOf(data.test), recipe.train.precision);
  hooks.onEpoch(trainer, trainer.endEpoch(measured), { all: measured?.test.probabilities ?? null, examples });
}

async function measureAll(trainer: Trainer, meter: ProgressMeter, hooks: TrainingHooks): Promise<Measured> {
  const { student, averaged, data } = trainer;
  const measureOn = (network: Network, split: "validation" | "test") => measure(trainer, network, split, meter, hooks);
  return {
    validation: data.validation && (await measureOn(student, "validation")),
    test: await measureOn(student, "test"),
    averaged: averaged && (await measureOn(averaged, "test")),
  };
}

async function measure(trainer: Trainer, network: Network, name: "validation" | "test", meter: ProgressMeter, hooks: TrainingHooks): Promise<Evaluation> {
  const split = trainer.data[name]!;
  hooks.onTest(trainer, split.count, name);
  const measured = await evaluate(network, split, {
    batchSize: trainer.recipe.train.batchSize,
    precision: trainer.recipe.train.precision,
    // Which epoch is the best is known only afterwards.
    keep: name === "test" && network === trainer.student && (trainer.epoch === trainer.epochs || trainer.data.validation !== null),
    yieldPoint: hooks.yieldPoint,
    onBatch: (seconds) => meter.afterTestBatch(seconds),
  });
  if (Number.isFinite(measured.loss)) return measured;
  throw new Diverged(`the loss on the ${name} images became ${measured.loss} after epoch ${trainer.epoch}: ${trainer.lowerRate}`);
}
