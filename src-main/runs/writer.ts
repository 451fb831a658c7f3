import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { InputError } from "../contract/failure";
import type { BatchEvidence, BatchRecord, EpochRecord, RunHashes } from "../contract/run";
import { makeFolder } from "../disk/make-folder";
import { naming, OpenFile } from "../disk/open-file";
import { syncFolder, writeWhole } from "../disk/write-whole";
import { computerInWords } from "../machine/computer";
import { type EventType, type RunEvent, type RunHeader, type RunStart, runFiles, SCHEMA } from "./files";
import { readHeader, textOfNote } from "./header";
import type { Readable } from "./lines";
import { expectLocked } from "./lock";
import { readableBatches, readableEpochs, readableEvents, readableEvidence } from "./reader";
import { batchTable, EPOCHS, line, toText } from "./records";

/** How far training had got at a checkpoint. */
export interface RunPosition {
  /** Epoch and number of its last batch, from 1; both 0 before the first batch. */
  epoch: number;
  iter: number;
  /** Batches done in all epochs. */
  batches: number;
  /** Epochs whose line was already in epochs.csv. */
  epochsDone: number;
}

/**
 * Starts a run in a folder that is locked, by the identity of its lock; `parts` names the parts of its loss. Throws an InputError if the folder
 * already holds a run.
 */
export function createRun(directory: string, lock: string, start: RunStart, parts: readonly string[]): RunWriter {
  const files = runFiles(directory);
  if (existsSync(files.recipe)) throw new InputError(`${directory} already holds a run, and nothing is overwritten: choose another folder, or resume that run`);
  naming(directory, "written", () => makeFolder(directory));
  const header: RunHeader = { schema: SCHEMA, id: randomUUID(), seed: start.recipe.train.seed, ...start };
  const tables = tablesOf(directory, parts, [], [], [], []);
  try {
    // The file that makes the folder a run comes first: whenever the process dies after that, the run can be resumed.
    writeWhole(files.recipe, json(header));
    for (const [path, text] of tables) writeWhole(path, text);
    return new RunWriter(directory, lock, header, { parts, epochs: [], event: "started", segment: 1 });
  } catch (error) {
    // Nothing is left in the way of another attempt.
    for (const [path] of tables) rmSync(path, { force: true });
    rmSync(files.recipe, { force: true });
    throw error;
  }
}

/** What a checkpoint knows, for files that were lost. */
export interface Remembered {
  header: RunHeader;
  /** null if the checkpoint is of an earlier version, or if there is none. */
  epochs: EpochRecord[] | null;
}

/** The records that a run resumes with. `said`: what was lost or restored, for the user. */
interface Recovered {
  batches: BatchRecord[];
  evidence: BatchEvidence[];
  epochs: EpochRecord[];
  events: RunEvent[];
  said: string[];
}

/**
 * Reads what a run holds up to a checkpoint: without lines written after it, and without those that a power loss damaged. `remembered`: the epochs
 * that the checkpoint knows. Throws an InputError if lines that the checkpoint includes are damaged.
 */
export function recover(directory: string, position: RunPosition, remembered: EpochRecord[] | null): Recovered {
  const files = runFiles(directory);
  const said: string[] = [];
  const keep = <R>(path: string, { records, damage, isInside }: Readable<R>, isKept: (record: R) => boolean, needed: number | null): R[] => {
    const kept = records.filter(isKept);
    const isLacking = needed !== null && kept.length < needed;
    if (damage && (isLacking || (needed === null && isInside))) throw new InputError(`${path} is damaged before its last checkpoint: ${damage}`);
    if (damage) said.push(`${path} was damaged, as by a power loss, and what cannot be read was removed: ${damage}`);
    return kept;
  };

  const isDone = ({ epoch, iter }: BatchRecord) => epoch < position.epoch || (epoch === position.epoch && iter <= position.iter);
  const batches = keep(files.batches, readableBatches(directory), isDone, position.batches);
  if (batches.length < position.batches)
    said.push(
      `${files.batches} lacks ${position.batches - batches.length} of ${position.batches} batches: the weights are not affected, but curves have a gap`,
    );
  const evidence = keep(files.evidence, readableEvidence(directory), ({ batch }) => batch <= position.batches, 0);
  const written = keep(files.epochs, readableEpochs(directory), ({ epoch }) => epoch <= position.epochsDone, remembered ? 0 : position.epochsDone);
  const epochs = remembered ?? written;
  if (epochs.length > written.length) said.push(`${files.epochs} lacked ${epochs.length - written.length} epochs: they were restored from the checkpoint`);
  const events = keep(files.events, readableEvents(directory), () => true, null);
  return { batches, evidence, epochs, events, said };
}

/**
 * Resumes a run, in a folder that is locked, from a checkpoint, with what `recover` keeps, so that no line appears twice. Throws an InputError if
 * the folder holds no run, or if lines that the checkpoint includes are damaged.
 */
export function resumeRun(
  directory: string,
  lock: string,
  position: RunPosition,
  parts: readonly string[],
  { header, epochs: remembered }: Remembered = { header: readHeader(directory), epochs: null },
): { writer: RunWriter; said: string[] } {
  const { batches, evidence, epochs, events, said } = recover(directory, position, remembered);
  for (const [path, text] of tablesOf(directory, parts, batches, epochs, evidence, events)) writeWhole(path, text);
  const segment = 1 + Math.max(0, ...events.map((event) => event.segment ?? 0));
  return { writer: new RunWriter(directory, lock, header, { parts, epochs, event: "resumed", segment }), said };
}

/** The files that grow line by line, with their content. */
function tablesOf(
  directory: string,
  parts: readonly string[],
  batches: readonly BatchRecord[],
  epochs: readonly EpochRecord[],
  evidence: readonly BatchEvidence[],
  events: readonly RunEvent[],
): [path: string, text: string][] {
  const files = runFiles(directory);
  return [
    [files.batches, toText(batchTable(parts), batches)],
    [files.evidence, evidence.map(jsonLine).join("")],
    [files.epochs, toText(EPOCHS, epochs)],
    [files.events, events.map(jsonLine).join("")],
  ];
}

interface Beginning {
  parts: readonly string[];
  /** Those that epochs.csv holds. */
  epochs: readonly EpochRecord[];
  event: "started" | "resumed";
  segment: number;
}

/** Appends to the files of one run. When a call returns, the system has the line; after `flush` it is on disk. */
export class RunWriter {
  readonly #batches: LineFile;
  readonly #epochs: LineFile;
  readonly #events: LineFile;
  readonly #evidence: LineFile;
  readonly #batchTable: ReturnType<typeof batchTable>;
  readonly #epochRecords: EpochRecord[];
  #header: RunHeader;

  /** Use `createRun` or `resumeRun`. */
  constructor(
    readonly directory: string,
    private readonly lock: string,
    header: RunHeader,
    { parts, epochs, event: type, segment }: Beginning,
  ) {
    const files = runFiles(directory);
    this.#header = header;
    this.#epochRecords = [...epochs];
    this.#batches = new LineFile(files.batches);
    this.#epochs = new LineFile(files.epochs);
    this.#events = new LineFile(files.events);
    this.#evidence = new LineFile(files.evidence);
    this.#batchTable = batchTable(parts);
    try {
      this.#writeEvent({ time: new Date().toISOString(), type, segment, text: computerInWords() });
      this.flush();
      syncFolder(directory);
    } catch (error) {
      for (const file of this.#files) file.close();
      throw error;
    }
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
    this.#epochRecords.push(record);
  }

  get epochs(): readonly EpochRecord[] {
    return this.#epochRecords;
  }

  event(type: Exclude<EventType, "started" | "resumed">, text?: string): void {
    this.#writeEvent({ time: new Date().toISOString(), type, text });
  }

  /** For a checkpoint that is written now: `noteOf` reads it. */
  note(hashes: RunHashes): string {
    return textOfNote({ run: { ...this.#header, hashes }, epochs: this.#epochRecords });
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
  readonly #file: OpenFile;

  constructor(path: string) {
    this.#file = new OpenFile(path, "a");
  }

  /** Throws an InputError if the file under this name is no longer the open one. */
  expectInPlace(): void {
    const { path, whereabouts } = this.#file;
    if (whereabouts === "in place") return;
    throw new InputError(
      `${path} was ${whereabouts} while the run was being trained: nothing more is written. Resume the run; it continues from its last checkpoint`,
    );
  }

  append(lines: string): void {
    this.#file.write(lines);
  }

  flush(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

const jsonLine = (value: unknown) => `${JSON.stringify(value)}\n`;
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
