import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { bestEpoch } from "../contract/best-epoch";
import { InputError } from "../contract/failure";
import type { NoticeBody, Progress } from "../contract/notices";
import type { EpochRecord, TrainResult } from "../contract/run";
import { atOnce } from "../contract/turns";
import { visible } from "../contract/visible";
import type { Dataset } from "../data/dataset";
import type { Said } from "../data/said";
import { type Origin, originMetadata } from "../models/origin";
import { saveWeights } from "../models/weights";
import { readProof } from "../runs/course";
import { type RunStart, runFiles } from "../runs/files";
import { addExamples, type Predictions, predictionFiles, writePredictions } from "../runs/predictions";
import { readBatches, withoutBatches } from "../runs/reader";
import { createRun, type RunWriter, resumeRun } from "../runs/writer";
import { hasCheckpoint, makeNewest, removeOlderCheckpoint, writeCheckpoint } from "../training/checkpoint";
import { type EpochAnswers, examplesOf } from "../training/loop";
import type { Step, Trainer } from "../training/trainer";
import { type EarlierRun, type PlacedArm, positionOf } from "./resumption";

/** In long epochs. Checkpoints are also written after every epoch, at every pause and when training stops. */
const SECONDS_BETWEEN_CHECKPOINTS = 300;

type Notify = (notice: NoticeBody) => void;

/** An arm, and what its weights say of the images that they learned from. */
export interface OriginatedArm extends PlacedArm {
  origin: Origin | null;
}

/** One arm while it is trained: keeps its run folder and reports what happens. */
export class ArmRun {
  #lastCheckpoint = performance.now();

  private constructor(
    readonly trainer: Trainer,
    private readonly writer: RunWriter,
    private readonly notify: (notice: NoticeBody) => void,
    private readonly origin: Origin | null,
  ) {
    const { arm, epochs } = trainer;
    notify({ type: "started", arm, directory: writer.directory, batchesPerEpoch: trainer.batchesIn(1), epochs });
  }

  /** `lock`: the identity of the lock on the folder. */
  static start(
    { name, recipe, directory, origin }: OriginatedArm,
    lock: string,
    trainer: Trainer,
    facts: Pick<RunStart, "arithmetic" | "teacherTestAcc" | "seen">,
    notify: Notify,
  ): ArmRun {
    const writer = createRun(
      directory,
      lock,
      {
        arm: name,
        recipe,
        epochs: trainer.epochs,
        hashes: trainer.hashes,
        classes: [...trainer.data.classes],
        parameters: trainer.student.model.parameterCount(),
        normalization: trainer.normalization,
        ...facts,
      },
      trainer.parts,
    );
    return new ArmRun(trainer, writer, notify, origin);
  }

  /** Expects the trainer to be where the run stopped. */
  static resume({ name, directory, origin }: OriginatedArm, lock: string, trainer: Trainer, earlier: EarlierRun, notify: Notify): ArmRun {
    const { header, note, checkpoint, isHeaderLost } = earlier;
    const aside = checkpoint && makeNewest(runFiles(directory).checkpoint, checkpoint);
    const identified = { ...header, id: header.id ?? randomUUID() };
    const { writer, said } = resumeRun(directory, lock, positionOf(trainer), trainer.parts, { header: identified, epochs: note?.epochs ?? null });
    const run = new ArmRun(trainer, writer, notify, origin);
    // Twice, so that the checkpoint before has an identity too, and only then the run.
    if (checkpoint && !note) for (let i = 0; i < 2; i++) run.#writeCheckpoint();
    // The run may go on from an earlier checkpoint than the last.
    writer.setHashes(trainer.hashes);

    if (!checkpoint) run.note(`${name}: the run ended before its first checkpoint, so it begins anew`);
    const best = bestEpoch(writer.epochs);
    if (best && !existsSync(runFiles(directory).best))
      run.warn(
        `${name}: ${runFiles(directory).best}, of epoch ${best.epoch}, is gone: it is written again only if a later epoch is better on the validation images`,
      );
    if (isHeaderLost) run.warn(`${name}: recipe.json could not be read, as after a power loss, and was restored from the checkpoint`);
    for (const text of said) run.warn(`${name}: ${text}`);
    const { damage } = atOnce(readProof(directory)).evidence;
    if (damage) run.warn(`${name}: its evidence is damaged, so the comparison will not be proven. ${damage}`);
    if (checkpoint?.damaged)
      run.warn(
        `${name}: the last checkpoint cannot be used, so the run continues from the one before. ${checkpoint.damaged}${aside ? `. It was kept as ${aside}` : ""}`,
      );
    return run;
  }

  batch({ record, evidence }: Step, progress: Progress): void {
    this.writer.expectInPlace();
    // First, so that a process that dies leaves no batch without evidence.
    this.writer.appendEvidence(evidence);
    this.writer.appendBatches([record]);
    this.notify({ type: "batches", arm: this.trainer.arm, records: [record], progress });
    if (performance.now() - this.#lastCheckpoint >= SECONDS_BETWEEN_CHECKPOINTS * 1000) this.checkpoint();
  }

  epoch(record: EpochRecord, answers: EpochAnswers): void {
    this.writer.expectInPlace();
    this.writer.appendEpoch(record);
    if (this.#isBest(record)) this.#saveWeights("best");
    this.#keep(record, answers);
    this.checkpoint();
    this.notify({ type: "epoch", arm: this.trainer.arm, record });
  }

  /** Before the checkpoint: a run that goes on from it has them. */
  #keep(record: EpochRecord, { all, examples }: EpochAnswers): void {
    const { data, epochs } = this.trainer;
    const files = predictionFiles(this.writer.directory);
    addExamples(files.examples, record.epoch, predictionsOf(data, examples, examplesOf(data.test)));
    if (all && record.epoch === epochs) writePredictions(files.last, predictionsOf(data, all));
    if (all && this.#isBest(record)) writePredictions(files.best, predictionsOf(data, all));
  }

  #isBest({ epoch }: EpochRecord): boolean {
    return bestEpoch(this.writer.epochs)?.epoch === epoch;
  }

  /** Lines first: a checkpoint never includes a batch that the files lack. */
  checkpoint(): void {
    this.writer.expectInPlace();
    this.writer.flush();
    this.#writeCheckpoint();
    this.writer.setHashes(this.trainer.hashes);
    this.writer.event("checkpoint");
    this.#lastCheckpoint = performance.now();
  }

  get hasCheckpoint(): boolean {
    return hasCheckpoint(runFiles(this.writer.directory).checkpoint);
  }

  #writeCheckpoint(): void {
    writeCheckpoint(runFiles(this.writer.directory).checkpoint, this.trainer, this.writer.note(this.trainer.hashes));
  }

  pause(): void {
    this.checkpoint();
    this.writer.event("paused");
  }

  continue(): void {
    this.writer.event("continued");
  }

  warn(text: string): void {
    this.say({ type: "warning", text });
  }

  note(text: string): void {
    this.say({ type: "note", text });
  }

  /** Keeps it among the run's events, and tells whoever watches. */
  say({ type, text }: Said): void {
    const shown = visible(text);
    this.writer.event(type, shown);
    this.notify({ type, text: shown });
  }

  /** Stopped on request: the work done so far is kept. */
  stop(): void {
    this.checkpoint();
    this.writer.event("stopped");
  }

  fail(message: string): void {
    this.writer.expectInPlace();
    this.writer.event("failed", message);
  }

  /** All epochs are done. */
  finish(): TrainResult {
    const { averaged, hashes, arm, teacher } = this.trainer;
    const { directory } = this.writer;
    this.writer.expectInPlace();
    this.#saveWeights("weights");
    if (averaged) this.#saveWeights("averaged");
    removeOlderCheckpoint(runFiles(directory).checkpoint);
    this.writer.event("finished", teacher?.summary);
    return { directory, arm, hashes, ...summaryOf(directory) };
  }

  #saveWeights(file: "weights" | "best" | "averaged"): void {
    const { student, averaged, data } = this.trainer;
    const { model, normalization } = file === "averaged" ? averaged! : student;
    const more = this.origin ? originMetadata(this.origin) : {};
    saveWeights(model, runFiles(this.writer.directory)[file], { classes: data.classes, mean: normalization.mean, std: normalization.std, more });
  }

  close(): void {
    this.writer.close();
  }
}

/** Probabilities [N,K] of these test images, or of all, with what the data says of them. */
export function predictionsOf({ classes, test }: Dataset, probabilities: Float64Array, images?: Int32Array): Predictions {
  const shown = images ?? test.labels.map((_, index) => index);
  return {
    classes,
    images: Array.from(shown, (index) => test.files?.[index] ?? String(index)),
    labels: shown.map((index) => test.labels[index]!),
    probabilities,
  };
}

/** The summary of a run whose epochs are all done. Throws an InputError if its tables have lost the last one. */
function summaryOf(directory: string): Omit<TrainResult, "directory" | "arm" | "hashes"> {
  const { epochRecords, epochs } = withoutBatches(directory).run;
  const batches = atOnce(readBatches(directory));
  const last = epochRecords.at(-1);
  if (last?.epoch !== epochs || last.testAcc === null || last.testLoss === null)
    throw new InputError(
      `${runFiles(directory).epochs} lacks the result of the last epoch, ${epochs}: the file was changed. The weights are in ${runFiles(directory).weights}`,
    );
  return {
    epochs: epochRecords.length,
    trainAcc: last.trainAcc,
    testAcc: last.testAcc,
    testLoss: last.testLoss,
    best: bestEpoch(epochRecords),
    emaAcc: last.emaAcc ?? null,
    seconds: epochRecords.reduce((sum, { seconds }) => sum + seconds, 0),
    // The harmonic mean, as batches are equal in size.
    imagesPerSecond: batches.length / batches.reduce((sum, { imagesPerSecond }) => sum + 1 / imagesPerSecond, 0),
  };
}
