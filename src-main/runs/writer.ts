import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { type EventType, type RunEvent, type RunHeader, type RunStart, runFiles, SCHEMA, writeWhole } from "./files";
import { readBatches, readEpochs, readEvents, readHeader, trainedBy } from "./reader";
import { BATCHES, EPOCHS, line, toText } from "./records";

/** How far a checkpoint had got. */
export interface RunPosition {
  /** Of the last batch in it, from 1; both 0 before the first batch. */
  epoch: number;
  iter: number;
  /** Epochs whose line in epochs.csv had been written. */
  epochsDone: number;
}

/** Starts a run in a new folder. Throws an InputError if the folder already holds a run. */
export function createRun(directory: string, start: RunStart): RunWriter {
  const files = runFiles(directory);
  if (existsSync(files.recipe))
    throw new InputError(`${directory} already holds a run, and nothing is written over: choose another folder, or go on with that run by --resume`);
  mkdirSync(directory, { recursive: true });
  const header: RunHeader = { schema: SCHEMA, seed: start.recipe.train.seed, ...start };
  writeFileSync(files.batches, toText(BATCHES, []));
  writeFileSync(files.epochs, toText(EPOCHS, []));
  writeFileSync(files.events, "");
  writeWhole(files.recipe, json(header));
  return new RunWriter(directory, header, "started", 1);
}

/**
 * Goes on with a run from a checkpoint: lines written after it are taken away, so that none comes twice. Throws an InputError if the
 * folder holds no run or another process is training it.
 */
export function resumeRun(directory: string, position: RunPosition): RunWriter {
  const files = runFiles(directory);
  const header = readHeader(directory);
  const events = readEvents(directory);
  const pid = trainedBy(events);
  if (pid !== null && pid !== process.pid) throw new InputError(`${directory} is being trained by process ${pid}: stop it there before going on with it here`);

  const isDone = ({ epoch, iter }: BatchRecord) => epoch < position.epoch || (epoch === position.epoch && iter <= position.iter);
  const batches = readBatches(directory).filter(isDone);
  const epochs = readEpochs(directory).filter(({ epoch }) => epoch <= position.epochsDone);
  writeWhole(files.batches, toText(BATCHES, batches));
  writeWhole(files.epochs, toText(EPOCHS, epochs));
  writeWhole(files.events, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return new RunWriter(directory, header, "resumed", 1 + Math.max(0, ...events.map((event) => event.segment ?? 0)));
}

/** Appends to the files of one run. A line is in the system's hands when a call returns, and on the disk after `flush`. */
export class RunWriter {
  readonly #batches: number;
  readonly #epochs: number;
  readonly #events: number;
  #header: RunHeader;

  /** Use `createRun` or `resumeRun`. */
  constructor(
    readonly directory: string,
    header: RunHeader,
    type: "started" | "resumed",
    segment: number,
  ) {
    const files = runFiles(directory);
    this.#header = header;
    this.#batches = openSync(files.batches, "a");
    this.#epochs = openSync(files.epochs, "a");
    this.#events = openSync(files.events, "a");
    this.#writeEvent({ time: new Date().toISOString(), type, segment, pid: process.pid });
    this.flush();
  }

  appendBatches(records: readonly BatchRecord[]): void {
    writeSync(this.#batches, records.map((record) => line(BATCHES, record)).join(""));
  }

  appendEpoch(record: EpochRecord): void {
    writeSync(this.#epochs, line(EPOCHS, record));
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
    for (const file of [this.#batches, this.#epochs, this.#events]) fsyncSync(file);
  }

  close(): void {
    this.flush();
    for (const file of [this.#batches, this.#epochs, this.#events]) closeSync(file);
  }

  #writeEvent(event: RunEvent): void {
    writeSync(this.#events, `${JSON.stringify(event)}\n`);
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
