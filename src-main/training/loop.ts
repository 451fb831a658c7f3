import type { Progress } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { EpochRecord } from "../contract/run";
import { type Evaluation, evaluate } from "./evaluate";
import type { Network } from "./network";
import { ProgressMeter } from "./progress";
import type { Step, Trainer } from "./trainer";

/** What the loop reports and asks while it runs. */
export interface TrainingHooks {
  /** Awaited before every batch: lets other work in, waits while paused, and throws Interrupted to stop. */
  yieldPoint(): Promise<void>;
  onBatch(trainer: Trainer, step: Step, progress: Progress): void;
  /** Called before the test images are evaluated. */
  onTest(trainer: Trainer): void;
  onEpoch(trainer: Trainer, record: EpochRecord): void;
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
  const { student, averaged, evaluationDue } = trainer;
  const test = evaluationDue ? await testEpoch(trainer, student, meter, hooks) : null;
  const averagedTest = evaluationDue && averaged ? await testEpoch(trainer, averaged, meter, hooks) : null;
  hooks.onEpoch(trainer, trainer.endEpoch(test, averagedTest));
}

async function testEpoch(trainer: Trainer, network: Network, meter: ProgressMeter, hooks: TrainingHooks): Promise<Evaluation> {
  hooks.onTest(trainer);
  const test = await evaluate(network, trainer.data.test, {
    batchSize: trainer.recipe.train.batchSize,
    precision: trainer.recipe.train.precision,
    yieldPoint: hooks.yieldPoint,
    onBatch: (seconds) => meter.afterTestBatch(seconds),
  });
  if (Number.isFinite(test.loss)) return test;
  throw new InputError(`the loss on the test images became ${test.loss} after epoch ${trainer.epoch}: ${trainer.lowerRate}`);
}
