import { type ArmName, armInWords } from "../contract/arms";
import { Diverged } from "../contract/failure";
import type { RunNormalization } from "../contract/normalization";
import type { ResolvedRecipe } from "../contract/recipe";
import { usesUnlabelled } from "../contract/recipe-values";
import type { BatchEvidence, BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { dominantOf, labelledShares, labelsOf, mixtureOf, need, render, samplesOf } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { hashWeights } from "../models/weights";
import type { Weight } from "../nn/weight";
import { fromArray, scope, type Tensor } from "../tensor/tensor";
import { AnswerCache } from "./answer-cache";
import { Averages } from "./averages";
import { type Arm, writtenKey } from "./compare";
import { type Batch, Criterion } from "./criterion";
import type { Evaluation } from "./evaluate";
import { checksumInterval, evidenceOf } from "./evidence";
import { type Network, renderingFor } from "./network";
import type { TeacherStatistics } from "./objectives/objective";
import { createOptimizer, type Optimizer } from "./optimizer";
import { type Numbers, Pass, whileReading } from "./pass";
import { type BatchPlan, type Planner, plannerOf } from "./plan";
import { learningRateAt } from "./schedule";
import { type OtherTeaching, Teacher, type TeachingNetwork } from "./teacher";
import { WeightAverage } from "./weight-average";
import { type GroupPlace, WeightUpdate } from "./weight-update";

/** How far an arm has got, as plain data: together with the tensors of `state`, all that is needed to continue with bitwise equal results. */
export interface Position {
  /** Epochs trained and, where requested, tested. */
  epochsDone: number;
  /** Batches done in the current epoch. */
  batchesDone: number;
  optimizerSteps: number;
  /** Sums over the images of the current epoch. */
  lossSum: number;
  correct: number;
  seen: number;
  /** Those that had a label; in a checkpoint of an earlier version all had one. */
  labelledSeen?: number;
  /** Time spent in the current epoch, without pauses. */
  seconds: number;
  /** Hash of the student's weights before the first step. */
  initialWeights: string;
  /** The last link of the chain of evidence. */
  batchesHash: string;
  /** Batches from one checksum of pixels and targets to the next. */
  checksumEvery: number;
}

export interface TrainerOptions {
  arm: ArmName;
  recipe: ResolvedRecipe;
  own?: Arm["own"];
  data: Dataset;
  student: Network;
  /** In evaluation mode; needed if the recipe distills. */
  teacher: TeachingNetwork | null;
  /** Teachers besides that one. */
  otherTeachers?: readonly OtherTeaching[];
  /** What `measureTeacher` returned. May be left out if a checkpoint is restored. */
  statistics?: TeacherStatistics;
  /** Shared by all arms with the same teacher; default: its own. */
  cache?: AnswerCache;
}

/** Images that are made ready while a batch is trained on. */
const AHEAD = 256;

/** The record of one step. */
export interface Step {
  record: BatchRecord;
  evidence: BatchEvidence;
}

/** How good an arm is after an epoch. */
export interface Measured {
  test: Evaluation;
  /** null without validation images. */
  validation: Evaluation | null;
  /** On the test images, with the averages of the weights; null without `train.ema`. */
  averaged: Evaluation | null;
}

/** One arm: a student that is trained by a recipe, batch by batch. It owns the student and its optimizer; the teacher and the data are lent. */
export class Trainer {
  readonly arm: ArmName;
  readonly recipe: ResolvedRecipe;
  readonly data: Dataset;
  readonly student: Network;
  /** The teacher, with what this arm needs from it; null for a control. */
  readonly teacher: Teacher | null;
  readonly batchesPerEpoch: number;
  /** Of the whole training. */
  readonly batches: number;
  #position: Position;
  readonly #planner: Planner;
  readonly #criterion: Criterion;
  readonly #pass: Pass;
  readonly #optimizer: Optimizer;
  readonly #average: WeightAverage | null;
  readonly #update: WeightUpdate;
  readonly #averages: Averages;
  readonly #own: Arm["own"];
  /** Time that the images of the next batch took, in milliseconds. */
  #waited = 0;

  constructor({ arm, recipe, own, data, student, teacher: network, otherTeachers: others, statistics, cache = new AnswerCache() }: TrainerOptions) {
    this.arm = arm;
    this.recipe = recipe;
    this.#own = own;
    this.data = data;
    this.student = student;
    this.batchesPerEpoch = Math.ceil(data.train.count / recipe.train.batchSize);
    this.batches = Math.min(recipe.train.epochs * this.batchesPerEpoch, recipe.train.batches ?? Number.POSITIVE_INFINITY);
    const { distillation } = recipe;
    const { precision, seed, labelSmoothing, ema } = recipe.train;
    this.#planner = plannerOf(recipe, data);
    this.#criterion = new Criterion(student, distillation, network && { student, teacher: network, statistics, seed }, labelSmoothing);
    const { needs } = this.#criterion;
    this.teacher = distillation && network && new Teacher({ network, others, data, precision, needs, cache: distillation.cacheTeacher ? cache : null });
    const parameters = this.#parameters();
    this.#pass = new Pass((batch) => this.#criterion.compute(batch), parameters);
    this.#optimizer = createOptimizer(parameters, recipe.train);
    this.#average = ema === null ? null : new WeightAverage(student, ema);
    this.#update = new WeightUpdate(parameters, this.#optimizer, this.#average, recipe.train);
    this.#averages = new Averages(student.model);
    this.#position = { ...START, checksumEvery: checksumInterval(), initialWeights: hashWeights(student.model) };
  }

  get position(): Readonly<Position> {
    return this.#position;
  }

  /** The current epoch, from 1; after the last epoch, one more than there are. */
  get epoch(): number {
    return this.#position.epochsDone + 1;
  }

  /** The last may be cut short by `train.batches`. */
  get epochs(): number {
    return Math.ceil(this.batches / this.batchesPerEpoch);
  }

  /** Batches of one epoch (from 1); 0 after the last. */
  batchesIn(epoch: number): number {
    return Math.min(this.batchesPerEpoch, Math.max(0, this.batches - (epoch - 1) * this.batchesPerEpoch));
  }

  /** Over all epochs. */
  get batchesDone(): number {
    const { epochsDone, batchesDone } = this.#position;
    return Math.min(epochsDone * this.batchesPerEpoch, this.batches) + batchesDone;
  }

  get finished(): boolean {
    return this.#position.epochsDone === this.epochs;
  }

  /** Whether all batches of the current epoch are done. */
  get epochTrained(): boolean {
    return this.#position.batchesDone === this.batchesIn(this.epoch);
  }

  get normalization(): RunNormalization {
    return { student: this.student.normalization, teacher: this.teacher?.normalization ?? null };
  }

  get hashes(): RunHashes {
    const { initialWeights, batchesHash } = this.#position;
    return { data: this.data.hash, initialWeights, batches: batchesHash, teacher: this.teacher?.hash ?? null };
  }

  /** Names of the loss's parts in records. */
  get parts(): readonly string[] {
    return this.#criterion.parts;
  }

  /** Reads the images of the next batch, where they are not all held; awaited before each step. */
  async prepare(): Promise<void> {
    const { train } = this.data;
    if (!train.stream) return;
    const started = performance.now();
    await need(train, samplesOf(this.#planOf(this.#position.batchesDone)), this.#samplesAhead());
    this.#waited = performance.now() - started;
  }

  /** Samples of the batches after the next, so many that all processors find something to decode. */
  #samplesAhead(): Int32Array {
    const samples: number[] = [];
    const end = this.batchesIn(this.epoch);
    for (let batch = this.#position.batchesDone + 1; batch < end && samples.length < AHEAD; batch++) samples.push(...samplesOf(this.#planOf(batch)));
    return Int32Array.from(samples);
  }

  #planOf(batch: number): BatchPlan {
    return this.#planner.plan(this.epoch, batch);
  }

  /**
   * Trains on the next batch of the epoch. Throws Diverged if the loss is no longer a finite number, and an error with the code INTERRUPTED if
   * the flag of `stopOn` was set: then everything is as it was before this batch.
   */
  step(): Step {
    const { epoch } = this;
    const { epochsDone, batchesDone } = this.#position;
    const started = performance.now() - this.#waited;
    this.#waited = 0;
    const plan = this.#planOf(batchesDone);
    const { accumulate } = this.recipe.train;
    const learningRate = learningRateAt(this.recipe.train, Math.ceil(this.batchesPerEpoch / accumulate), epochsDone, Math.floor(batchesDone / accumulate));

    const { numbers, evidence } = this.#averages.keptOnError(() =>
      scope(() => {
        const batch = this.#render(plan);
        const evidence = this.#evidenceOf(plan, batch);
        const numbers = whileReading(this.#pass.run(batch), () => this.#update.take(this.#placeInGroup(), learningRate));
        // No earlier, because waiting for a GPU would leave it without work. A step with a wrong loss is not recorded.
        return { numbers: this.#expectFinite(numbers()), evidence };
      }),
    );

    const images = plan.indices.length;
    const seconds = (performance.now() - started) / 1000;
    this.#advance(numbers, evidence.chain, plan, seconds);
    const record = {
      epoch,
      iter: this.#position.batchesDone,
      loss: numbers.loss!,
      parts: Object.fromEntries(this.parts.map((name) => [name, numbers[name]!])),
      trainAcc: this.#trainAccuracy,
      lr: learningRate,
      imagesPerSecond: images / seconds,
      chain: evidence.chain,
    };
    return { record, evidence };
  }

  /** The student with the averages of its weights over the steps; null without `train.ema`. */
  get averaged(): Network | null {
    return this.#average?.network ?? null;
  }

  /** Whether the current epoch ends with a test. */
  get evaluationDue(): boolean {
    return this.#isEvaluated(this.epoch);
  }

  /** Remaining tests, including that of the current epoch. */
  get evaluationsLeft(): number {
    let count = 0;
    for (let epoch = this.epoch; epoch <= this.epochs; epoch++) if (this.#isEvaluated(epoch)) count++;
    return count;
  }

  #isEvaluated(epoch: number): boolean {
    return epoch === this.epochs || epoch % this.recipe.train.evaluateEvery === 0;
  }

  /** Completes the current epoch, whose batches are all done; null if it is not measured. */
  endEpoch(measured: Measured | null): EpochRecord {
    const { epoch } = this;
    const { lossSum, seen, seconds } = this.#position;
    const trainAcc = this.#trainAccuracy;
    const evaluations = Object.values(measured ?? {}).filter((each): each is Evaluation => each !== null);
    this.#position = { ...this.#position, epochsDone: epoch, ...EPOCH_START };
    this.#pass.release();
    return {
      epoch,
      trainLoss: lossSum / seen,
      trainAcc,
      testAcc: measured?.test.accuracy ?? null,
      testLoss: measured?.test.loss ?? null,
      emaAcc: measured?.averaged?.accuracy ?? null,
      emaLoss: measured?.averaged?.loss ?? null,
      valAcc: measured?.validation?.accuracy ?? null,
      valLoss: measured?.validation?.loss ?? null,
      seconds: seconds + evaluations.reduce((sum, each) => sum + each.seconds, 0),
    };
  }

  /**
   * The tensors that a checkpoint holds in addition to the position: weights by name, those of an objective as `objective.<kind>.<weight>`, moments as
   * `optimizer.<moment>`, the weights' averages as `ema.<weight>`, and the gradients of a group's earlier batches as `gradient.<parameter>`.
   */
  state(): Map<string, Tensor> {
    const named = (prefix: string, tensors: ReadonlyMap<string, Tensor>) => [...tensors].map(([name, tensor]) => [prefix + name, tensor] as const);
    return new Map<string, Tensor>([
      ...this.student.model.weights(),
      ...this.#criterion.weights(),
      ...named("optimizer.", this.#optimizer.moments()),
      ...named("ema.", this.#average?.weights() ?? new Map()),
      ...named("gradient.", this.#update.sums()),
    ]);
  }

  /** Continues from a position after the tensors of `state` have been overwritten with those of the same checkpoint. */
  continueFrom(position: Position): void {
    // A checkpoint of an earlier version has no interval, and counts no labels.
    this.#position = { ...this.#position, labelledSeen: position.seen, ...position };
    this.#optimizer.steps = position.optimizerSteps;
  }

  release(): void {
    this.#pass.release();
    this.#optimizer.release();
    this.#update.release();
    this.#average?.release();
    this.#averages.release();
    this.#criterion.release();
    this.teacher?.release();
    this.student.model.release();
  }

  /** Groups begin with each epoch; the last of an epoch has as many batches as are left. */
  #placeInGroup(): GroupPlace {
    const { accumulate, batchSize } = this.recipe.train;
    const { batchesDone } = this.#position;
    const first = batchesDone - (batchesDone % accumulate);
    const end = Math.min(first + accumulate, this.batchesIn(this.epoch));
    const images = (from: number, to: number) => Math.min(to * batchSize, this.data.train.count) - from * batchSize;
    const share = images(batchesDone, batchesDone + 1) / images(first, end);
    return { isFirst: batchesDone === first, isLast: batchesDone + 1 === end, share };
  }

  /** What the optimizer updates: the student's parameters, but for those that take no gradients, and those of its objectives. */
  #parameters(): Map<string, Weight> {
    const ofStudent = [...this.student.model.parameters()].filter(([, { requiresGrad }]) => requiresGrad);
    const own = [...this.#criterion.weights()].filter(([, { trained }]) => trained);
    return new Map([...ofStudent, ...own]);
  }

  #render(plan: BatchPlan): Batch {
    const { train } = this.data;
    const labelled = this.#hasUnlabelled ? labelledShares(train, plan) : null;
    return {
      images: render(train, plan, renderingFor(this.student, this.recipe.train.precision)),
      labels: labelsOf(train, dominantOf(plan)),
      mixture: plan.mix && mixtureOf(train, plan.indices, plan.mix, this.student.model.classes, labelled?.scale),
      labelWeights:
        labelled &&
        fromArray(
          labelled.shares.map((share) => share * labelled.scale),
          [labelled.shares.length],
        ),
      teacher: this.teacher?.answer(plan, this.#checked) ?? new Map(),
    };
  }

  #evidenceOf(plan: BatchPlan, { images, labels, mixture }: Batch): BatchEvidence {
    const targets = mixture ?? labels;
    const shown = { batch: this.#batchNumber, plan, images, targets, teacher: this.teacher?.shown ?? null, checked: this.#checked };
    return evidenceOf(shown, this.#position.batchesHash);
  }

  /** Whether this arm is shown images without labels. */
  get #hasUnlabelled(): boolean {
    return usesUnlabelled(this.recipe) && this.data.labelled < this.data.train.count;
  }

  /** Over the labelled images of the current epoch; 0 before the first. */
  get #trainAccuracy(): number {
    const { correct, labelledSeen } = this.#position;
    return correct / Math.max(labelledSeen!, 1);
  }

  /** The current batch, counted from 1 over all epochs. */
  get #batchNumber(): number {
    return this.batchesDone + 1;
  }

  /** Whether the pixels and targets of the batch under way are in its evidence. */
  get #checked(): boolean {
    return (this.#batchNumber - 1) % this.#position.checksumEvery === 0;
  }

  #expectFinite(numbers: Numbers): Numbers {
    if (Number.isFinite(numbers.loss)) return numbers;
    throw new Diverged(
      `the loss of the ${this.arm === "single" ? "model" : armInWords(this.arm)} became ${numbers.loss} in epoch ${this.epoch}, batch ${this.#position.batchesDone + 1}, so training cannot continue: ` +
        `${this.lowerRate}, or let it rise slowly with ${writtenKey({ own: this.#own }, "train.warmupEpochs")}`,
    );
  }

  /** What helps against a loss that is not finite, in words. */
  get lowerRate(): string {
    return `start anew in another folder with a lower ${writtenKey({ own: this.#own }, "train.learningRate")} (it is ${this.recipe.train.learningRate})`;
  }

  #advance(numbers: Numbers, batchesHash: string, plan: BatchPlan, seconds: number): void {
    const position = this.#position;
    const images = plan.indices.length;
    const labelled = this.#hasUnlabelled ? dominantOf(plan).filter((sample) => this.data.train.labels[sample]! >= 0).length : images;
    this.#position = {
      ...position,
      batchesDone: position.batchesDone + 1,
      optimizerSteps: this.#optimizer.steps,
      lossSum: position.lossSum + numbers.loss! * images,
      correct: position.correct + numbers.correct!,
      seen: position.seen + images,
      labelledSeen: position.labelledSeen! + labelled,
      seconds: position.seconds + seconds,
      batchesHash,
    };
  }
}

const EPOCH_START = { batchesDone: 0, lossSum: 0, correct: 0, seen: 0, labelledSeen: 0, seconds: 0 };
const START = { epochsDone: 0, optimizerSteps: 0, batchesHash: "", ...EPOCH_START };
