import { createHash } from "node:crypto";
import { InputError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import type { ArmName, BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { assemble, labelsOf } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { epochOrder } from "../data/order";
import { hashWeights } from "../models/weights";
import type { LossMetrics } from "../tensor/ops/distillation-loss";
import { scope, type Tensor } from "../tensor/tensor";
import type { Evaluation } from "./evaluate";
import { LogitCache } from "./logit-cache";
import { type Batch, control, distil } from "./losses/task";
import { type Network, trainingView } from "./network";
import { createOptimizer, type Optimizer } from "./optimizer";
import { Pass } from "./pass";
import { learningRateAt } from "./schedule";
import { SoftLabels, type Teacher } from "./soft-labels";

/** How far an arm has got, as plain data: with the tensors of `state` all that is needed to go on in the same bits. */
export interface Position {
  /** Epochs trained and, where wanted, tested. */
  epochsDone: number;
  /** Batches done of the epoch after those. */
  batchesDone: number;
  optimizerSteps: number;
  /** Sums over the images of the epoch under way. */
  lossSum: number;
  correct: number;
  seen: number;
  /** Spent in the epoch under way, pauses left out. */
  seconds: number;
  /** Of the student's weights before the first step. */
  initialWeights: string;
  /** Chained over every batch so far. */
  batchesHash: string;
}

export interface TrainerOptions {
  arm: ArmName;
  recipe: Recipe;
  data: Dataset;
  student: Network;
  /** Needed if the recipe distils. */
  teacher: Teacher | null;
  /** Shared by all that ask the same teacher; default: one of its own. */
  cache?: LogitCache;
}

/** One arm: a student that is trained by a recipe, batch by batch. It owns the student and its optimizer; the teacher and the data are lent. */
export class Trainer {
  readonly arm: ArmName;
  readonly recipe: Recipe;
  readonly data: Dataset;
  readonly student: Network;
  readonly batchesPerEpoch: number;
  #position: Position;
  readonly #teacher: Teacher | null;
  readonly softLabels: SoftLabels | null;
  readonly parts = ["ce", "kd"];
  readonly #pass: Pass;
  readonly #optimizer: Optimizer;
  #order: { epoch: number; indices: Int32Array } | null = null;

  constructor({ arm, recipe, data, student, teacher, cache = new LogitCache() }: TrainerOptions) {
    this.arm = arm;
    this.recipe = recipe;
    this.data = data;
    this.student = student;
    this.batchesPerEpoch = Math.ceil(data.train.count / recipe.train.batchSize);
    this.#teacher = recipe.distillation ? teacher : null;
    this.softLabels = this.#teacher && new SoftLabels({ recipe, data, teacher: this.#teacher, cache });
    const task = recipe.distillation
      ? distil(student, { temperature: (recipe.distillation.terms[0] as { temperature: number }).temperature, alpha: recipe.distillation.terms[0]!.weight })
      : control(student);
    this.#pass = new Pass(task, student.model.parameters());
    this.#optimizer = createOptimizer(student.model.parameters(), recipe.train);
    this.#position = { ...START, initialWeights: hashWeights(student.model) };
  }

  get position(): Readonly<Position> {
    return this.#position;
  }

  /** The epoch under way, from 1; after the last one more than there are. */
  get epoch(): number {
    return this.#position.epochsDone + 1;
  }

  get epochs(): number {
    return this.recipe.train.epochs;
  }

  get finished(): boolean {
    return this.#position.epochsDone === this.epochs;
  }

  /** Whether all batches of the epoch under way are done. */
  get epochTrained(): boolean {
    return this.#position.batchesDone === this.batchesPerEpoch;
  }

  get hashes(): RunHashes {
    const { initialWeights, batchesHash } = this.#position;
    return { data: this.data.hash, initialWeights, batches: batchesHash, teacher: this.#teacher?.hash ?? null };
  }

  /** Trains on the next batch of the epoch. Throws an InputError if the loss is not a number any more. */
  step(): BatchRecord {
    const { epoch } = this;
    const { epochsDone, batchesDone } = this.#position;
    const started = performance.now();
    const indices = this.#indicesOf(epoch, batchesDone);
    const learningRate = learningRateAt(this.recipe.train, this.batchesPerEpoch, epochsDone, batchesDone);

    const metrics = scope(() => {
      const metrics = this.#pass.run(this.#assemble(indices, epoch));
      this.#optimizer.step(learningRate);
      // Not before: what waits for a GPU leaves it without work. Of a step with a wrong loss nothing is recorded.
      const values = metrics();
      this.softLabels?.remember();
      return this.#checked(values);
    });
    const hash = this.#hashWith(indices, epoch);

    const seconds = (performance.now() - started) / 1000;
    this.#advance(metrics, hash, indices.length, seconds);
    return {
      epoch,
      iter: this.#position.batchesDone,
      loss: metrics.loss,
      parts: { ce: metrics.crossEntropy, kd: metrics.divergence },
      trainAcc: this.#position.correct / this.#position.seen,
      lr: learningRate,
      imagesPerSecond: indices.length / seconds,
      chain: null,
    };
  }

  /** Whether the epoch under way ends with a test. */
  get evaluationDue(): boolean {
    return isEvaluated(this.epoch, this.recipe.train);
  }

  /** Tests still to come, that of the epoch under way included. */
  get evaluationsLeft(): number {
    let count = 0;
    for (let epoch = this.epoch; epoch <= this.epochs; epoch++) if (isEvaluated(epoch, this.recipe.train)) count++;
    return count;
  }

  /** Closes the epoch under way, all of whose batches are done. */
  endEpoch(test: Evaluation | null): EpochRecord {
    const { epoch } = this;
    const { lossSum, correct, seen, seconds } = this.#position;
    this.#position = { ...this.#position, epochsDone: epoch, ...EPOCH_START };
    this.#pass.release();
    return {
      epoch,
      trainLoss: lossSum / seen,
      trainAcc: correct / seen,
      testAcc: test?.accuracy ?? null,
      testLoss: test?.loss ?? null,
      seconds: seconds + (test?.seconds ?? 0),
    };
  }

  /** The tensors that a checkpoint holds beside the position: weights by their names, moments as `optimizer.<moment>`. */
  state(): Map<string, Tensor> {
    const moments = [...this.#optimizer.moments()].map(([name, moment]) => [`optimizer.${name}`, moment] as const);
    return new Map<string, Tensor>([...this.student.model.weights(), ...moments]);
  }

  /** Goes on from a position, once the tensors of `state` have been overwritten with those of the same checkpoint. */
  continueFrom(position: Position): void {
    this.#position = { ...position };
    this.#optimizer.steps = position.optimizerSteps;
  }

  release(): void {
    this.#pass.release();
    this.#optimizer.release();
    this.student.model.release();
  }

  #indicesOf(epoch: number, batch: number): Int32Array {
    const { seed, shuffle, batchSize } = this.recipe.train;
    if (this.#order?.epoch !== epoch) this.#order = { epoch, indices: epochOrder(this.data.train.count, { shuffle, seed, epoch }) };
    return this.#order.indices.subarray(batch * batchSize, (batch + 1) * batchSize);
  }

  #assemble(indices: Int32Array, epoch: number): Batch {
    const { train } = this.data;
    return {
      images: assemble(train, indices, trainingView(this.student, this.recipe, epoch)),
      labels: labelsOf(train, indices),
      teacherLogits: this.softLabels?.of(indices, epoch) ?? null,
    };
  }

  /** What makes a batch what it is, besides the data. The images themselves follow from it, and may be in a GPU's memory. */
  #hashWith(indices: Int32Array, epoch: number): string {
    const hash = createHash("sha256").update(this.#position.batchesHash);
    return hash
      .update(JSON.stringify(trainingView(this.student, this.recipe, epoch)))
      .update(indices)
      .digest("hex");
  }

  #checked(metrics: LossMetrics): LossMetrics {
    if (Number.isFinite(metrics.loss)) return metrics;
    const { learningRate } = this.recipe.train;
    throw new InputError(
      `the loss of the ${this.arm === "single" ? "model" : this.arm} became ${metrics.loss} in epoch ${this.epoch}, batch ${this.#position.batchesDone + 1}, so training cannot go on: ` +
        `lower train.learningRate (it is ${learningRate}), or let it rise slowly with train.warmupEpochs`,
    );
  }

  #advance(metrics: LossMetrics, batchesHash: string, images: number, seconds: number): void {
    const position = this.#position;
    this.#position = {
      ...position,
      batchesDone: position.batchesDone + 1,
      optimizerSteps: this.#optimizer.steps,
      lossSum: position.lossSum + metrics.loss * images,
      correct: position.correct + metrics.correct,
      seen: position.seen + images,
      seconds: position.seconds + seconds,
      batchesHash,
    };
  }
}

const EPOCH_START = { batchesDone: 0, lossSum: 0, correct: 0, seen: 0, seconds: 0 };
const START = { epochsDone: 0, optimizerSteps: 0, batchesHash: "", ...EPOCH_START };

function isEvaluated(epoch: number, { epochs, evaluateEvery }: Recipe["train"]): boolean {
  return epoch === epochs || epoch % evaluateEvery === 0;
}
