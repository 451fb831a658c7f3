import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { BatchEvidence, BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { cannotBeWritten, type EventType, type RunEvent, type RunHeader, type RunStart, runFiles, SCHEMA, writeWhole } from "./files";
import { readBatches, readEpochs, readEvents, readEvidence, readHeader, trainedBy } from "./reader";
import { batchTable, EPOCHS, line, toText } from "./records";

/** How far a checkpoint had got. */
export interface RunPosition {
  /** Of the last batch in it, from 1; both 0 before the first batch. */
  epoch: number;
  iter: number;
  /** Epochs whose line in epochs.csv had been written. */
  epochsDone: number;
}

/** Starts a run in a new folder; `parts` names those of its loss. Throws an InputError if the folder already holds a run. */
export function createRun(directory: string, start: RunStart, parts: readonly string[]): RunWriter {
  const files = runFiles(directory);
  if (existsSync(files.recipe))
    throw new InputError(`${directory} already holds a run, and nothing is written over: choose another folder, or go on with that run by --resume`);
  mkdirSync(directory, { recursive: true });
  const header: RunHeader = { schema: SCHEMA, seed: start.recipe.train.seed, ...start };
  // What makes the folder a run comes last; where it cannot be written, nothing is left in the way of another try.
  const tables = { [files.batches]: toText(batchTable(parts), []), [files.epochs]: toText(EPOCHS, []), [files.evidence]: "", [files.events]: "" };
  try {
    for (const [path, text] of Object.entries(tables)) writeFileSync(path, text);
    writeWhole(files.recipe, json(header));
  } catch (error) {
    for (const path of Object.keys(tables)) rmSync(path, { force: true });
    throw error;
  }
  return new RunWriter(directory, header, parts, "started", 1);
}

/**
 * Goes on with a run from a checkpoint: lines written after it are taken away, so that none comes twice. Throws an InputError if the
 * folder holds no run or another process is training it.
 */
export function resumeRun(directory: string, position: RunPosition, parts: readonly string[]): RunWriter {
  const files = runFiles(directory);
  const header = readHeader(directory);
  const events = readEvents(directory);
  expectNotTrained(directory, events);

  const isDone = ({ epoch, iter }: BatchRecord) => epoch < position.epoch || (epoch === position.epoch && iter <= position.iter);
  const batches = readBatches(directory).filter(isDone);
  const epochs = readEpochs(directory).filter(({ epoch }) => epoch <= position.epochsDone);
  writeWhole(files.batches, toText(batchTable(parts), batches));
  const evidence = readEvidence(directory).filter(({ batch }) => batch <= batches.length);
  writeWhole(files.evidence, evidence.map(jsonLine).join(""));
  writeWhole(files.epochs, toText(EPOCHS, epochs));
  writeWhole(files.events, events.map(jsonLine).join(""));
  return new RunWriter(directory, header, parts, "resumed", 1 + Math.max(0, ...events.map((event) => event.segment ?? 0)));
}

/** Throws an InputError if another process is training the run. */
export function expectNotTrained(directory: string, events: RunEvent[]): void {
  const pid = trainedBy(events);
  if (pid !== null && pid !== process.pid) throw new InputError(`${directory} is being trained by process ${pid}: stop it there before going on with it here`);
}

/** Appends to the files of one run. A line is in the system's hands when a call returns, and on the disk after `flush`. */
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
    this.#writeEvent({ time: new Date().toISOString(), type, segment, pid: process.pid });
    this.flush();
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

  /** Brings recipe.json up to date: the hash of the batches grows with the run. */
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

/** A text file that grows by whole lines. */
class LineFile {
  readonly #file: number;

  constructor(readonly path: string) {
    this.#file = openSync(path, "a");
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
