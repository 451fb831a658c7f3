import { existsSync } from "node:fs";
import type { NoticeBody, Progress } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { RunNormalization } from "../contract/normalization";
import { differingSettings, keyAsWritten, valueAsWritten } from "../contract/recipe-values";
import type { EpochRecord, RunHashes, TrainResult } from "../contract/run";
import { settingAt } from "../contract/settings";
import { saveWeights } from "../models/weights";
import { runFiles } from "../runs/files";
import { readHeader, readRun } from "../runs/reader";
import { createRun, type RunPosition, type RunWriter, resumeRun } from "../runs/writer";
import { type Checkpoint, findCheckpoint, removeOlderCheckpoint, restore, writeCheckpoint } from "../training/checkpoint";
import type { Arm } from "../training/compare";
import type { Step, Trainer } from "../training/trainer";

/** In long epochs. Checkpoints are also written after every epoch, at every pause and when training stops. */
const SECONDS_BETWEEN_CHECKPOINTS = 300;

type Notify = (notice: NoticeBody) => void;

/** An arm and its run folder. */
export interface PlacedArm extends Arm {
  directory: string;
}

/** What an arm's folder holds from an earlier start. */
export interface EarlierRun {
  teacherTestAcc: number | null;
  hashes: RunHashes;
  /** null if an earlier version started the run. */
  normalization: RunNormalization | null;
  /** null if it ended before its first checkpoint. */
  checkpoint: Checkpoint | null;
}

/** Throws an InputError if the folder already holds a run, or a file with the name of one: nothing is overwritten. */
export function expectFree({ directory }: PlacedArm): null {
  const files = runFiles(directory);
  if (existsSync(files.recipe)) throw new InputError(`${directory} already holds a run: choose another folder, or resume that run`);
  const taken = Object.values(files).find(existsSync);
  if (taken) throw new InputError(`${taken} already exists, and a run in that folder would overwrite it: choose another folder`);
  return null;
}

/**
 * Finds what each arm can resume from; null for an arm that never began, as when the disk was full at the start of the other. Throws an
 * InputError if there is no run or if its recipe differs.
 */
export function findEarlierRuns(arms: readonly PlacedArm[]): (EarlierRun | null)[] {
  const isThere = ({ directory }: PlacedArm) => existsSync(runFiles(directory).recipe);
  return arms.some(isThere) ? arms.map((arm) => (isThere(arm) ? findEarlierRun(arm) : expectFree(arm))) : arms.map(findEarlierRun);
}

function findEarlierRun({ directory, recipe }: PlacedArm): EarlierRun {
  const header = readHeader(directory);
  const differing = differingSettings(header.recipe, recipe).find((key) => !settingAt(key, recipe)?.resumable);
  if (differing) {
    const key = keyAsWritten(differing, header.recipe, recipe);
    const [was, is] = [header.recipe, recipe].map((each) => JSON.stringify(valueAsWritten(key, each) ?? null));
    throw new InputError(
      `the run in ${directory} was started with ${key} ${was}, and the recipe now says ${is}: resume it with ${was}, or start a new run in another folder`,
    );
  }
  const { teacherTestAcc, hashes, normalization = null } = header;
  return { teacherTestAcc, hashes, normalization, checkpoint: findCheckpoint(runFiles(directory).checkpoint) };
}

/**
 * Restores a trainer to where its run stopped; only reads the folder. Throws an InputError if the run began with other data, another teacher
 * or other initial weights.
 */
export function returnTo({ directory }: PlacedArm, trainer: Trainer, { hashes, checkpoint }: EarlierRun): void {
  const was = (what: string, remedy: string) => new InputError(`the run in ${directory} was started ${what}: resume it with ${remedy}`);
  if (hashes.data !== trainer.hashes.data) throw was("on other images", "the data that it began with");
  if (hashes.teacher !== trainer.hashes.teacher) throw was("with another teacher's weights", "those");
  if (checkpoint) restore(trainer, checkpoint);
  else if (hashes.initialWeights !== trainer.hashes.initialWeights) throw was("from other initial weights", "those");
}

/** One arm while it is trained: keeps its run folder and reports what happens. */
export class ArmRun {
  #lastCheckpoint = performance.now();

  private constructor(
    readonly trainer: Trainer,
    private readonly writer: RunWriter,
    private readonly notify: (notice: NoticeBody) => void,
  ) {
    const { arm, batchesPerEpoch, epochs } = trainer;
    notify({ type: "started", arm, directory: writer.directory, batchesPerEpoch, epochs });
  }

  /** `lock`: the identity of the lock on the folder. */
  static start({ name, recipe, directory }: PlacedArm, lock: string, trainer: Trainer, teacherTestAcc: number | null, notify: Notify): ArmRun {
    const writer = createRun(
      directory,
      lock,
      {
        arm: name,
        recipe,
        hashes: trainer.hashes,
        classes: [...trainer.data.classes],
        parameters: trainer.student.model.parameterCount(),
        normalization: trainer.normalization,
        teacherTestAcc,
      },
      trainer.parts,
    );
    return new ArmRun(trainer, writer, notify);
  }

  /** Expects the trainer to be where the run stopped. */
  static resume({ name, directory }: PlacedArm, lock: string, trainer: Trainer, { checkpoint }: EarlierRun, notify: Notify): ArmRun {
    const run = new ArmRun(trainer, resumeRun(directory, lock, positionOf(trainer), trainer.parts), notify);
    const { evidenceDamage } = readRun(directory);
    if (evidenceDamage) run.warn(`${name}: its evidence is damaged, so the comparison will not be proven. ${evidenceDamage}`);
    if (checkpoint?.damaged) run.warn(`${name}: the last checkpoint cannot be used, so the run continues from the one before. ${checkpoint.damaged}`);
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

  epoch(record: EpochRecord): void {
    this.writer.expectInPlace();
    this.writer.appendEpoch(record);
    this.checkpoint();
    this.notify({ type: "epoch", arm: this.trainer.arm, record });
  }

  /** Lines first: a checkpoint never includes a batch that the files lack. */
  checkpoint(): void {
    this.writer.expectInPlace();
    this.writer.flush();
    writeCheckpoint(runFiles(this.writer.directory).checkpoint, this.trainer);
    this.writer.setHashes(this.trainer.hashes);
    this.writer.event("checkpoint");
    this.#lastCheckpoint = performance.now();
  }

  pause(): void {
    this.checkpoint();
    this.writer.event("paused");
  }

  continue(): void {
    this.writer.event("continued");
  }

  warn(text: string): void {
    this.writer.event("warning", text);
    this.notify({ type: "warning", text });
  }

  note(text: string): void {
    this.writer.event("note", text);
    this.notify({ type: "note", text });
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
    const { student, data, hashes, arm, teacher } = this.trainer;
    const { directory } = this.writer;
    const { mean, std } = student.normalization;
    const files = runFiles(directory);
    this.writer.expectInPlace();
    saveWeights(student.model, files.weights, { classes: data.classes, mean, std });
    removeOlderCheckpoint(files.checkpoint);
    this.writer.event("finished", teacher?.summary);
    return { directory, arm, hashes, ...summaryOf(directory) };
  }

  close(): void {
    this.writer.close();
  }
}

function positionOf({ position, batchesPerEpoch }: Trainer): RunPosition {
  const { epochsDone, batchesDone } = position;
  if (batchesDone > 0) return { epoch: epochsDone + 1, iter: batchesDone, epochsDone };
  return { epoch: epochsDone, iter: epochsDone === 0 ? 0 : batchesPerEpoch, epochsDone };
}

/** The summary of a run whose epochs are all done. */
function summaryOf(directory: string): Omit<TrainResult, "directory" | "arm" | "hashes"> {
  const { epochRecords, batches, trainAcc, testAcc } = readRun(directory);
  return {
    epochs: epochRecords.length,
    trainAcc: trainAcc!,
    testAcc: testAcc!,
    testLoss: epochRecords.at(-1)!.testLoss!,
    seconds: epochRecords.reduce((sum, { seconds }) => sum + seconds, 0),
    // The harmonic mean, as batches are equal in size.
    imagesPerSecond: batches.length / batches.reduce((sum, { imagesPerSecond }) => sum + 1 / imagesPerSecond, 0),
  };
}
