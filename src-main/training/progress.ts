import type { Progress } from "../contract/notices";
import type { BatchRecord } from "../contract/run";
import type { Trainer } from "./trainer";

/** Batches and time, done and left, over all arms and their tests. */
export class ProgressMeter {
  readonly #trainers: readonly Trainer[];
  readonly #training: Map<Trainer, Pace>;
  readonly #testing = new Pace();

  constructor(trainers: readonly Trainer[]) {
    this.#trainers = trainers;
    this.#training = new Map(trainers.map((trainer) => [trainer, new Pace()]));
  }

  afterTestBatch(seconds: number): void {
    this.#testing.add(seconds);
  }

  afterBatch(trainer: Trainer, { imagesPerSecond }: BatchRecord): Progress {
    const { batchSize } = trainer.recipe.train;
    // Scaled to full batches, so that the smaller last batch of an epoch does not count as a fast one.
    const pace = this.#training.get(trainer)!;
    pace.add(batchSize / imagesPerSecond);
    return {
      done: sum(this.#trainers, ({ batchesDone }) => batchesDone),
      total: sum(this.#trainers, ({ batches }) => batches),
      imagesPerSecond: batchSize / pace.seconds!,
      secondsLeft: sum(this.#trainers, (each) => this.#secondsLeft(each, pace.seconds!)),
    };
  }

  /** Assumes that an arm that has not begun is as fast as the running one, and that a test batch, before the first, takes a third of a training batch. */
  #secondsLeft(trainer: Trainer, current: number): number {
    const perBatch = this.#training.get(trainer)!.seconds ?? current;
    const perTestBatch = this.#testing.seconds ?? perBatch / 3;
    const { test, validation } = trainer.data;
    const batchesOf = (images: number) => Math.ceil(images / trainer.recipe.train.batchSize);
    const testBatches = batchesOf(test.count) * (trainer.averaged ? 2 : 1) + batchesOf(validation?.count ?? 0);
    return (trainer.batches - trainer.batchesDone) * perBatch + trainer.evaluationsLeft * testBatches * perTestBatch;
  }
}

const RECENT = 31;

/** Seconds that a kind of work takes: the median of recent times, which one slow batch (a busy machine, a first call) does not shift. */
class Pace {
  readonly #recent: number[] = [];

  add(seconds: number): void {
    this.#recent.push(seconds);
    if (this.#recent.length > RECENT) this.#recent.shift();
  }

  /** null before the first. */
  get seconds(): number | null {
    return [...this.#recent].sort((a, b) => a - b)[this.#recent.length >> 1] ?? null;
  }
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
