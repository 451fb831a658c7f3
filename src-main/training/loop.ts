import type { Progress } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { EpochRecord } from "../contract/run";
import type { Split } from "../data/dataset";
import { type Evaluation, evaluate, probabilitiesOf } from "./evaluate";
import { ProgressMeter } from "./progress";
import type { Step, Trainer } from "./trainer";

/** What the loop reports and asks while it runs. */
export interface TrainingHooks {
  /** Awaited before every batch: lets other work in, waits while paused, and throws Interrupted to stop. */
  yieldPoint(): Promise<void>;
  onBatch(trainer: Trainer, step: Step, progress: Progress): void;
  /** Called before the test images are evaluated. */
  onTest(trainer: Trainer): void;
  onEpoch(trainer: Trainer, record: EpochRecord, answers: EpochAnswers): void;
}

/** Class probabilities after an epoch. */
export interface EpochAnswers {
  /** [N,K], of all test images after the last epoch; null before it, and if they are too many to be kept. */
  last: Float64Array | null;
  /** [8,K], of `examplesOf` the test images. */
  examples: Float64Array;
}

const EXAMPLES = 8;

/** A few test images, the same in every epoch and arm: the first of each class, then the second, and so on. */
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
    const step = trainer.step();
    hooks.onBatch(trainer, step, meter.afterBatch(trainer, step.record));
  }
  const test = trainer.evaluationDue ? await testEpoch(trainer, meter, hooks) : null;
  const { student, data, recipe } = trainer;
  // Before the epoch ends: a stop may cut an op short.
  const examples = probabilitiesOf(student, data.test, examplesOf(data.test), recipe.train.precision);
  hooks.onEpoch(trainer, trainer.endEpoch(test), { last: test?.probabilities ?? null, examples });
}

async function testEpoch(trainer: Trainer, meter: ProgressMeter, hooks: TrainingHooks): Promise<Evaluation> {
  hooks.onTest(trainer);
  const test = await evaluate(trainer.student, trainer.data.test, {
    batchSize: trainer.recipe.train.batchSize,
    precision: trainer.recipe.train.precision,
    keep: trainer.epoch === trainer.epochs,
    yieldPoint: hooks.yieldPoint,
    onBatch: (seconds) => meter.afterTestBatch(seconds),
  });
  if (Number.isFinite(test.loss)) return test;
  throw new InputError(`the loss on the test images became ${test.loss} after epoch ${trainer.epoch}: ${trainer.lowerRate}`);
}
