import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NoticeBody, Progress } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { RunNormalization } from "../contract/normalization";
import type { Recipe } from "../contract/recipe";
import { differingSettings, keyAsWritten, valueAsWritten } from "../contract/recipe-values";
import type { EpochRecord, TrainResult } from "../contract/run";
import { settingAt } from "../contract/settings";
import { visible } from "../contract/visible";
import { saveWeights } from "../models/weights";
import { type RunHeader, type RunNote, runFiles } from "../runs/files";
import { isLeftOver } from "../runs/left-over";
import { isHeaderLost as isLost, noteOf, readableBatches, readableEvents, readHeader, readRun } from "../runs/reader";
import { createRun, type RunPosition, type RunWriter, recover, resumeRun } from "../runs/writer";
import { type Checkpoint, findCheckpoint, hasCheckpoint, makeNewest, removeOlderCheckpoint, restore, writeCheckpoint } from "../training/checkpoint";
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
  header: RunHeader;
  /** null if an earlier version started the run. */
  normalization: RunNormalization | null;
  teacherTestAcc: number | null;
  /** null if it ended before its first checkpoint. */
  checkpoint: Checkpoint | null;
  /** What the checkpoint says of its run; null if there is none, or if an earlier version wrote it. */
  note: RunNote | null;
  /** Whether recipe.json was lost, and `header` is what the checkpoint says. */
  isHeaderLost: boolean;
}

/**
 * Throws an InputError if the folder already holds a run, or a file with the name of one: nothing is overwritten, except what is left of a start
 * that never became a run.
 */
export function expectFree({ directory }: PlacedArm): null {
  const { recipe, ...others } = runFiles(directory);
  if (existsSync(recipe)) throw new InputError(`${directory} already holds a run: choose another folder, or resume that run`);
  const taken = Object.values(others).find((path) => existsSync(path) && !isLeftOver(path));
  if (taken) throw new InputError(`${taken} already exists, and a run in that folder would overwrite it: choose another folder`);
  return null;
}

/**
 * Finds what each arm of a run in the folder `out` can resume from; null for an arm that never began, as when the process died right at the start. Throws an InputError if
 * there is no run, nor what is left of a start, or if its recipe differs.
 */
export function findEarlierRuns(out: string, arms: readonly PlacedArm[]): (EarlierRun | null)[] {
  const earlier = arms.map((arm) => (wasBegun(arm.directory) ? findEarlierRun(arm) : expectFree(arm)));
  if (earlier.every((run) => run === null)) for (const directory of [out, ...arms.map(({ directory }) => directory)]) expectStarted(directory);
  return earlier;
}

function wasBegun(directory: string): boolean {
  const { recipe, checkpoint } = runFiles(directory);
  return existsSync(recipe) || hasCheckpoint(checkpoint);
}

/** Throws an InputError unless a folder holds nothing but what is left of a start. */
function expectStarted(directory: string): void {
  const others = existsSync(directory) ? readdirSync(directory).filter((name) => !isLeftOver(join(directory, name))) : [];
  if (others.length > 0) throw new InputError(`${directory} holds no run: expected a file recipe.json in it, got ${others.slice(0, 3).join(", ")}`);
}

function findEarlierRun({ name, directory, recipe }: PlacedArm): EarlierRun {
  const checkpoint = findCheckpoint(runFiles(directory).checkpoint);
  const note = checkpoint?.run != null ? noteIn(checkpoint) : null;
  const isHeaderLost = note !== null && (!existsSync(runFiles(directory).recipe) || isLost(directory));
  if (!isHeaderLost && isLost(directory))
    throw new InputError(
      `${runFiles(directory).recipe} is empty, as after a power loss, and no checkpoint tells what it held: start a new run in another folder`,
    );
  const header = isHeaderLost ? note.run : readHeader(directory);
  if (header.arm !== name)
    throw new InputError(
      header.arm === "single"
        ? `${directory} holds the run of one arm: resume it with distill train --resume --out ${directory}`
        : `${directory} holds the ${header.arm} of a comparison: resume it with distill compare --resume --out ${dirname(directory)}`,
    );
  const differing = decidingDifference(header.recipe, recipe);
  if (differing) {
    const key = keyAsWritten(differing, header.recipe, recipe);
    const [was, is] = [header.recipe, recipe].map((each) => JSON.stringify(valueAsWritten(key, each) ?? null));
    throw new InputError(
      `the run in ${directory} was started with ${key} ${was}, and the recipe now says ${is}: resume it with ${was}, or start a new run in another folder`,
    );
  }
  if (checkpoint) expectOwn(checkpoint, note, { ...header, arm: name });
  else expectNoneLost(directory);
  // A run of an earlier version has no identity until its checkpoints carry one.
  const id = header.id ?? note?.run.id;
  return {
    header: { ...header, ...(id !== undefined && { id }) },
    teacherTestAcc: header.teacherTestAcc,
    normalization: header.normalization ?? null,
    checkpoint,
    note,
    isHeaderLost,
  };
}

/** A setting in which two recipes differ and that may not change when a run is resumed. */
function decidingDifference(a: Recipe, b: Recipe): string | undefined {
  return differingSettings(a, b).find((key) => !settingAt(key, b)?.resumable);
}

function noteIn({ path, run }: Checkpoint): RunNote {
  try {
    return noteOf(run!);
  } catch (cause) {
    throw new InputError(`${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** Throws an InputError if a checkpoint is that of another run, arm or recipe. */
function expectOwn({ path, position }: Checkpoint, note: RunNote | null, run: RunHeader): void {
  const before = join(dirname(path), "previous.safetensors");
  const orBefore = before !== path && existsSync(before) ? `, or move that file away to go on from the one before, ${before}` : "";
  const elsewhere = (whose: string) => new InputError(`${path} ${whose}, and this folder holds ${inWords(run)}: put this run's own checkpoint back${orBefore}`);
  if (!note) {
    if (run.id !== undefined) throw elsewhere("does not say which run it belongs to");
    if (position.initialWeights !== run.hashes.initialWeights) throw elsewhere("belongs to a run with other initial weights");
    return;
  }
  const isSame = note.run.arm === run.arm && (run.id === undefined || note.run.id === run.id) && note.run.hashes.initialWeights === run.hashes.initialWeights;
  if (!isSame) throw elsewhere(`belongs to ${inWords(note.run)}`);
  const differing = decidingDifference(note.run.recipe, run.recipe);
  if (differing) throw elsewhere(`belongs to a run with another ${differing}`);
}

function inWords({ arm, recipe, id }: RunHeader): string {
  return `the ${arm === "single" ? "one arm" : arm} of the run "${recipe.name}" (seed ${recipe.train.seed}, ${id ? `identity ${id}` : "of an earlier version"})`;
}

/** Throws an InputError if a run without checkpoints tells of one: starting over would lose what it did, and belongs to a person to decide. */
function expectNoneLost(directory: string): void {
  const { checkpoint, batches } = runFiles(directory);
  const last = readableEvents(directory)
    .records.filter(({ type }) => type === "checkpoint")
    .at(-1);
  if (!last) return;
  throw new InputError(
    `${checkpoint} holds no checkpoint, though one was written at ${last.time}: without it, the ${readableBatches(directory).records.length} batches in ${batches} ` +
      "cannot be continued. Put the folder back and resume again, or start the run anew in another folder",
  );
}

/**
 * Restores a trainer to where its run stopped; only reads the folder. Throws an InputError if the run began with other data, another teacher
 * or other initial weights, or if its files are damaged; the trainer must not be used then.
 */
export function returnTo({ directory }: PlacedArm, trainer: Trainer, { header: { hashes }, checkpoint, note }: EarlierRun): void {
  const was = (what: string, remedy: string) => new InputError(`the run in ${directory} was started ${what}: resume it with ${remedy}`);
  if (hashes.data !== trainer.hashes.data) throw was("on other images", "the data that it began with");
  if (hashes.teacher !== trainer.hashes.teacher) throw was("with another teacher's weights", "those");
  if (checkpoint) restore(trainer, checkpoint);
  else if (hashes.initialWeights !== trainer.hashes.initialWeights) throw was("from other initial weights", "those");
  recover(directory, positionOf(trainer), note?.epochs ?? null);
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
  static resume({ name, directory }: PlacedArm, lock: string, trainer: Trainer, earlier: EarlierRun, notify: Notify): ArmRun {
    const { header, note, checkpoint, isHeaderLost } = earlier;
    const aside = checkpoint && makeNewest(runFiles(directory).checkpoint, checkpoint);
    const identified = { ...header, id: header.id ?? randomUUID() };
    const { writer, said } = resumeRun(directory, lock, positionOf(trainer), trainer.parts, { header: identified, epochs: note?.epochs ?? null });
    const run = new ArmRun(trainer, writer, notify);
    // Twice, so that the checkpoint before has an identity too, and only then the run.
    if (checkpoint && !note) for (let i = 0; i < 2; i++) run.#writeCheckpoint();
    // The run may go on from an earlier checkpoint than the last.
    writer.setHashes(trainer.hashes);

    if (!checkpoint) run.note(`${name}: the run ended before its first checkpoint, so it begins anew`);
    if (isHeaderLost) run.warn(`${name}: recipe.json was lost, as in a power loss, and was restored from the checkpoint`);
    for (const text of said) run.warn(`${name}: ${text}`);
    const { evidenceDamage } = readRun(directory);
    if (evidenceDamage) run.warn(`${name}: its evidence is damaged, so the comparison will not be proven. ${evidenceDamage}`);
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
    this.#writeCheckpoint();
    this.writer.setHashes(this.trainer.hashes);
    this.writer.event("checkpoint");
    this.#lastCheckpoint = performance.now();
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

  warn(warning: string): void {
    const text = visible(warning);
    this.writer.event("warning", text);
    this.notify({ type: "warning", text });
  }

  note(said: string): void {
    const text = visible(said);
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
  const batches = epochsDone * batchesPerEpoch + batchesDone;
  if (batchesDone > 0) return { epoch: epochsDone + 1, iter: batchesDone, batches, epochsDone };
  return { epoch: epochsDone, iter: epochsDone === 0 ? 0 : batchesPerEpoch, batches, epochsDone };
}

/** The summary of a run whose epochs are all done. Throws an InputError if its tables have lost the last one. */
function summaryOf(directory: string): Omit<TrainResult, "directory" | "arm" | "hashes"> {
  const { epochRecords, batches, epochs } = readRun(directory);
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
    seconds: epochRecords.reduce((sum, { seconds }) => sum + seconds, 0),
    // The harmonic mean, as batches are equal in size.
    imagesPerSecond: batches.length / batches.reduce((sum, { imagesPerSecond }) => sum + 1 / imagesPerSecond, 0),
  };
}
