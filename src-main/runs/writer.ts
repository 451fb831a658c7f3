import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { BatchEvidence, BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { cannotBeWritten, type EventType, type RunEvent, type RunHeader, type RunStart, runFiles, SCHEMA, writeWhole } from "./files";
import { expectLocked } from "./lock";
import { readBatches, readEpochs, readEvents, readEvidence, readHeader } from "./reader";
import { batchTable, EPOCHS, line, toText } from "./records";

/** How far training had got at a checkpoint. */
export interface RunPosition {
  /** Epoch and number of its last batch, from 1; both 0 before the first batch. */
  epoch: number;
  iter: number;
  /** Epochs whose line was already in epochs.csv. */
  epochsDone: number;
}

/**
 * Starts a run in a folder that is locked, by the identity of its lock; `parts` names the parts of its loss. Throws an InputError if the folder
 * already holds a run.
 */
export function createRun(directory: string, lock: string, start: RunStart, parts: readonly string[]): RunWriter {
  const files = runFiles(directory);
  if (existsSync(files.recipe))
    throw new InputError(`${directory} already holds a run, and nothing is overwritten: choose another folder, or resume that run with --resume`);
  mkdirSync(directory, { recursive: true });
  const header: RunHeader = { schema: SCHEMA, seed: start.recipe.train.seed, ...start };
  // The file that makes the folder a run comes last. If it cannot be written, nothing is left in the way of another attempt.
  const tables = { [files.batches]: toText(batchTable(parts), []), [files.epochs]: toText(EPOCHS, []), [files.evidence]: "", [files.events]: "" };
  try {
    for (const [path, text] of Object.entries(tables)) writeFileSync(path, text);
    writeWhole(files.recipe, json(header));
  } catch (error) {
    for (const path of Object.keys(tables)) rmSync(path, { force: true });
    throw error;
  }
  return new RunWriter(directory, lock, header, parts, "started", 1);
}

/**
 * Resumes a run, in a folder that is locked, from a checkpoint: removes lines written after it, so that none appears twice. Throws an InputError
 * if the folder holds no run.
 */
export function resumeRun(directory: string, lock: string, position: RunPosition, parts: readonly string[]): RunWriter {
  const files = runFiles(directory);
  const header = readHeader(directory);
  const events = readEvents(directory);

  const isDone = ({ epoch, iter }: BatchRecord) => epoch < position.epoch || (epoch === position.epoch && iter <= position.iter);
  const batches = readBatches(directory).filter(isDone);
  const epochs = readEpochs(directory).filter(({ epoch }) => epoch <= position.epochsDone);
  writeWhole(files.batches, toText(batchTable(parts), batches));
  const evidence = readEvidence(directory).filter((line) => line === null || line.batch <= batches.length);
  writeWhole(files.evidence, evidence.map(jsonLine).join(""));
  writeWhole(files.epochs, toText(EPOCHS, epochs));
  writeWhole(files.events, events.map(jsonLine).join(""));
  return new RunWriter(directory, lock, header, parts, "resumed", 1 + Math.max(0, ...events.map((event) => event.segment ?? 0)));
}

/** Appends to the files of one run. When a call returns, the system has the line; after `flush` it is on disk. */
export class RunWriter {
  readonly #batches: LineFile;
  readonly #epochs: LineFile;
  readonly #events: LineFile;
  readonly #evidence: LineFile;
  readonly #batchTable: ReturnType<typeof batchTable>;
  #header: RunHeader;

  /** Use `createRun` or `resumeRun`. */
  constructor(
    readonly directory: string,
    private readonly lock: string,
    header: RunHeader,
    parts: readonly string[],
    type: "started" | "resumed",
    segment: number,
  ) {
    const files = runFiles(directory);
    this.#header = header;
    this.#batches = new LineFile(files.batches);
    this.#epochs = new LineFile(files.epochs);
    this.#events = new LineFile(files.events);
    this.#evidence = new LineFile(files.evidence);
    this.#batchTable = batchTable(parts);
    this.#writeEvent({ time: new Date().toISOString(), type, segment });
    this.flush();
  }

  /**
   * Throws an InputError if the folder is no longer the one that this run began to write into, or another process has it. To be called before
   * anything is written.
   */
  expectInPlace(): void {
    expectLocked(this.directory, this.lock);
    for (const file of this.#files) file.expectInPlace();
  }

  appendBatches(records: readonly BatchRecord[]): void {
    this.#batches.append(records.map((record) => line(this.#batchTable, record)).join(""));
  }

  appendEvidence(evidence: BatchEvidence): void {
    this.#evidence.append(jsonLine(evidence));
  }

  appendEpoch(record: EpochRecord): void {
    this.#epochs.append(line(EPOCHS, record));
  }

  event(type: Exclude<EventType, "started" | "resumed">, text?: string): void {
    this.#writeEvent({ time: new Date().toISOString(), type, text });
  }

  /** Updates recipe.json: the hash of the batches changes as the run grows. */
  setHashes(hashes: RunHashes): void {
    this.#header = { ...this.#header, hashes };
    writeWhole(runFiles(this.directory).recipe, json(this.#header));
  }

  flush(): void {
    for (const file of this.#files) file.flush();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      for (const file of this.#files) file.close();
    }
  }

  get #files(): LineFile[] {
    return [this.#batches, this.#epochs, this.#evidence, this.#events];
  }

  #writeEvent(event: RunEvent): void {
    this.#events.append(jsonLine(event));
  }
}

/** A text file that grows line by line. */
class LineFile {
  readonly #file: number;

  constructor(readonly path: string) {
    this.#file = openSync(path, "a");
  }

  /** Throws an InputError if the file under this name is no longer the open one. */
  expectInPlace(): void {
    const open = fstatSync(this.#file);
    const there = statSync(this.path, { throwIfNoEntry: false });
    if (there?.ino === open.ino && there.dev === open.dev) return;
    throw new InputError(
      `${this.path} was ${there ? "replaced" : "deleted"} while the run was being trained: nothing more is written. Resume the run; it continues from its last checkpoint`,
    );
  }

  append(lines: string): void {
    try {
      writeFileSync(this.#file, lines);
    } catch (cause) {
      throw cannotBeWritten(this.path, cause);
    }
  }

  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

const jsonLine = (value: unknown) => `${JSON.stringify(value)}\n`;
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
