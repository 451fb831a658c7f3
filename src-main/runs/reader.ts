import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ArmName, isComparedArm } from "../contract/arms";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { BatchEvidence, BatchRecord, EpochRecord, ListedRun, RunDetails, RunEvidence, RunState, RunSummary } from "../contract/run";
import { atOnce, type InTurns } from "../contract/turns";
import { readText, readTextInTurns } from "../disk/open-file";
import { hasCheckpoint } from "../training/checkpoint";
import { linkOf } from "../training/evidence";
import { givenName } from "./about";
import { BIN, type EventType, type RunEvent, type RunHeader, runFiles } from "./files";
import { type Head, holdsRun, isInTheWay, readHead } from "./header";
import { type Readable, readLines, wholeLines, wholeLinesInParts } from "./lines";
import { ownerOf } from "./lock";
import { batchTableOf, EPOCHS, lineParser, readTable } from "./records";
import { sweepOf } from "./sweeps";

/** Everything that a run folder holds. Throws an InputError if it holds no readable run. */
export function readRun(directory: string): RunDetails {
  return atOnce(readRunInTurns(directory));
}

export function* readRunInTurns(directory: string): InTurns<RunDetails> {
  const { head, damage, run } = withoutBatches(directory);
  const records = yield* readBatches(directory);
  const { chain, damage: evidenceDamage } = yield* checkEvidence(directory, head, damage, records.length);
  return { ...run, batches: records.map((record, index) => ({ ...record, chain: chain[index]! })), evidenceDamage };
}

/** What a run folder holds besides its batches and their evidence. */
export function withoutBatches(directory: string): { head: Head; damage: string | null; run: Omit<RunDetails, "batches" | "evidenceDamage"> } {
  const head = readHead(directory);
  const events = whole(runFiles(directory).events, readableEvents(directory));
  const epochRecords = whole(runFiles(directory).epochs, readableEpochs(directory));
  const { header } = head;
  const damage = damageOf(directory, head, epochRecords);
  const run = {
    ...summarize(directory, header, events, epochRecords, damage),
    recipe: header.recipe,
    arithmetic: header.arithmetic,
    hashes: header.hashes,
    classes: header.classes,
    parameters: header.parameters,
    normalization: header.normalization,
    epochRecords,
    teacherTestAcc: header.teacherTestAcc,
    seen: header.seen,
    events: events.map(({ time, type, text }) => ({ time, type, text })),
  };
  return { head, damage, run };
}

/** The runs in a folder, newest first: the folder itself, its subfolders, and the arms of comparisons among them. */
export function listRuns(directory: string): ListedRun[] {
  return runFolders(directory)
    .map((run) => {
      const summary = summaryOf(run);
      return { ...summary, name: givenName(run, directory) ?? summary.name, sweep: sweepOf(run) };
    })
    .sort((a, b) => (a.started < b.started ? 1 : -1));
}

/** A run that is damaged is summarized by what of it can be read. */
export function summaryOf(directory: string): RunSummary {
  let head: Head | null = null;
  let damage: string | null = null;
  try {
    head = readHead(directory);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    damage = error.message;
  }
  const [events, epochs] = [readableEvents(directory), readableEpochs(directory)];
  const files = runFiles(directory);
  damage ??= damageIn(files.events, events) ?? damageIn(files.epochs, epochs) ?? damageOf(directory, head!, epochs.records);
  return summarize(directory, head?.header ?? null, events.records, epochs.records, damage);
}

/** Levels from the folder of a sweep to the arms of its comparisons. */
export const SWEEP_DEPTH = 2;

/** A run lies at most so deep in a sweep: labels-500/seed-0/control. */
export const RUN_DEPTH = 3;

/** In a folder of sweeps, from that folder to the arms of one over numbers of labels. */
const FOLDER_DEPTH = 4;

/** The folder itself if it holds a run, otherwise the folders with runs up to `depth` levels below it, sorted by name. Those in a bin below it are left out. */
export function runFolders(directory: string, depth = FOLDER_DEPTH): string[] {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return [];
  if (holdsRun(directory)) return [directory];
  if (depth === 0) return [];
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== BIN);
  return folders
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => runFolders(join(directory, name), depth - 1));
}

function summarize(directory: string, header: RunHeader | null, events: RunEvent[], epochs: EpochRecord[], damage: string | null): RunSummary {
  const { owner, problem } = ownerIn(directory);
  const evaluated = epochs.filter(({ testAcc }) => testAcc !== null);
  const arm = header?.arm ?? armByName(directory);
  const state = stateOf(events, owner !== null);
  const isOver = owner === null && (state === "stopped" || state === "failed");
  const hadCheckpoint = events.some(({ type }) => type === "checkpoint") || hasCheckpoint(runFiles(directory).checkpoint);
  return {
    directory,
    ...(header?.id !== undefined && { id: header.id }),
    name: header?.recipe.name ?? basename(arm === "single" ? directory : dirname(directory)),
    arm,
    state,
    started: events[0]?.time ?? "",
    changed: events.at(-1)?.time ?? "",
    epochsDone: epochs.length,
    epochs: header?.epochs ?? header?.recipe.train.epochs ?? 0,
    testAcc: evaluated.at(-1)?.testAcc ?? null,
    trainAcc: epochs.at(-1)?.trainAcc ?? null,
    seconds: epochs.reduce((sum, { seconds }) => sum + seconds, 0),
    owner,
    beginsAnew: isOver && !hadCheckpoint,
    damage: damage ?? problem,
    recipe: header?.recipe ?? null,
  };
}

/** Who trains a run; `problem`: why that cannot be known, in words. */
function ownerIn(directory: string): { owner: RunSummary["owner"]; problem: string | null } {
  try {
    return { owner: ownerOf(directory), problem: null };
  } catch (error) {
    if (error instanceof InputError) return { owner: null, problem: error.message };
    throw error;
  }
}

/** The arm of a run that cannot say it: the folders of a comparison have the names of its arms. */
function armByName(directory: string): ArmName {
  const name = basename(directory);
  return isComparedArm(name) ? name : "single";
}

/** What is wrong with a run besides files that cannot be read; null if nothing is. The epochs were read after the head. */
function damageOf(directory: string, { damage, note }: Head, epochs: readonly EpochRecord[]): string | null {
  if (damage) return damage;
  const different = note?.epochs.find((record, i) => JSON.stringify(record) !== JSON.stringify(epochs[i]));
  const path = runFiles(directory).epochs;
  return different ? `${path} does not have epoch ${different.epoch} as the checkpoint has it: lines were changed or lost` : null;
}

// ---- The single files -------------------------------------------------------------------------------------------------------------

/** Lines that are read or checked in one turn. */
const LINES_AT_ONCE = 2000;

/** The links of a run with so many batches, all null if what it holds cannot be what it was shown. */
export function* checkEvidence(directory: string, head: Head, damage: string | null, batches: number): InTurns<Omit<RunEvidence, "arm">> {
  const { records: evidence, damage: unreadable } = yield* evidenceByParts(directory);
  // A run whose evidence cannot be read can still be opened and resumed, but not proven.
  const evidenceDamage = damage ?? (unreadable ? `evidence.jsonl was changed: ${unreadable}` : yield* damageOfChain(evidence, batches, head));
  const chain: RunEvidence["chain"] = Array.from({ length: batches }, () => null);
  if (evidenceDamage) return { chain, damage: evidenceDamage };
  for (const { batch, chain: link } of evidence) if (batch <= batches) chain[batch - 1] = link;
  return { chain, damage: null };
}

function* evidenceByParts(directory: string): InTurns<Pick<Readable<BatchEvidence>, "records" | "damage">> {
  const path = runFiles(directory).evidence;
  if (isInTheWay(path)) return readableEvidence(directory);
  const text = existsSync(path) ? yield* readTextInTurns(path) : "";
  return yield* recordsByParts(text, 1, jsonLine(isEvidence));
}

/** Up to the first line that cannot be read. `first`: the number of the text's first line. */
function* recordsByParts<R>(text: string, first: number, parse: (line: string, number: number) => R): InTurns<Pick<Readable<R>, "records" | "damage">> {
  const records: R[] = [];
  for (const lines of wholeLinesInParts(text, LINES_AT_ONCE)) {
    const part = readLines(lines, first + records.length, parse);
    for (const record of part.records) records.push(record);
    if (part.damage) return { records, damage: part.damage };
    yield;
  }
  return { records, damage: null };
}

/** What is wrong with the evidence of a run with so many batches; null if nothing is. */
function* damageOfChain(evidence: readonly BatchEvidence[], batches: number, { header: { normalization, hashes }, note }: Head): InTurns<string | null> {
  // Earlier versions recorded no normalisation, and no evidence of the batches that they trained.
  const isOurs = normalization !== undefined;
  const first = isOurs ? 1 : (evidence[0]?.batch ?? 1);
  for (const [i, line] of evidence.entries()) {
    if (i % LINES_AT_ONCE === 0) yield;
    if (line.batch !== first + i) return `line ${i + 1} of evidence.jsonl is of batch ${line.batch}, expected ${first + i}: lines are missing`;
    const isKnown = i > 0 || first === 1;
    if (isKnown && line.chain !== linkOf(evidence[i - 1]?.chain ?? "", line))
      return `line ${i + 1} of evidence.jsonl does not follow from the line before it: the file was changed`;
  }
  // A process that dies leaves one batch with evidence and without its line at most.
  const isComplete = evidence.length === batches || evidence.length === batches + 1;
  if (isOurs && !isComplete) return `evidence.jsonl has ${evidence.length} batches and batches.csv ${batches}: lines are missing`;
  // recipe.json and the checkpoint hold the link of the last checkpoint, "" before the first.
  const links = [hashes.batches, note?.run.hashes.batches ?? ""].filter((link) => link !== "");
  if (isOurs && !links.every((link) => evidence.some(({ chain }) => chain === link)))
    return "evidence.jsonl does not hold the batch of the last checkpoint: lines are missing, or they are those of another run";
  return null;
}

// What grows line by line. A missing file counts as empty.

/** The lines of batches.csv alone. Throws an InputError that names the file if some of it cannot be read. */
export function* readBatches(directory: string): InTurns<BatchRecord[]> {
  const path = runFiles(directory).batches;
  if (isInTheWay(path) || !existsSync(path)) return whole(path, readableBatches(directory));
  const text = yield* readTextInTurns(path);
  const body = text.indexOf("\n") + 1;
  yield;
  // Line 1 is the header.
  const { records, damage } = yield* recordsByParts(text.slice(body), 2, lineParser(batchTableOf(text), text.slice(0, Math.max(0, body - 1))));
  return whole(path, { records: records.map((record) => ({ ...record, chain: null })), damage, isInside: false });
}

export function readableBatches(directory: string): Readable<BatchRecord> {
  const { records, ...rest } = readable(runFiles(directory).batches, (text) => readTable(batchTableOf(text), text));
  return { records: records.map((record) => ({ ...record, chain: null })), ...rest };
}
export const readableEpochs = (directory: string): Readable<EpochRecord> => readable(runFiles(directory).epochs, (text) => readTable(EPOCHS, text));
export const readableEvents = (directory: string): Readable<RunEvent> => readable(runFiles(directory).events, jsonLines(isEvent));
/** Batches that an earlier version trained have no line, even if this version resumed their run. */
export const readableEvidence = (directory: string): Readable<BatchEvidence> => readable(runFiles(directory).evidence, jsonLines(isEvidence));

function readable<R>(path: string, read: (text: string) => Readable<R>): Readable<R> {
  if (isInTheWay(path)) return { records: [], damage: "expected a file, got a folder or a device; move it away", isInside: true };
  return read(existsSync(path) ? readText(path) : "");
}

/** Throws an InputError that names the file if some of it cannot be read. */
function whole<R>(path: string, readable: Readable<R>): R[] {
  const damage = damageIn(path, readable);
  if (damage) throw new InputError(damage);
  return readable.records;
}

const damageIn = <R>(path: string, { damage }: Readable<R>): string | null => damage && `${path} is damaged: ${damage}`;

function jsonLines<R>(isRecord: (value: unknown) => value is R): (text: string) => Readable<R> {
  return (text) => readLines(wholeLines(text), 1, jsonLine(isRecord));
}

function jsonLine<R>(isRecord: (value: unknown) => value is R): (line: string, number: number) => R {
  return (line, number) => {
    const record = parsedOrNull(line);
    if (isRecord(record)) return record;
    throw new Error(`line ${number} is not of this file: "${shortened(line)}"`);
  };
}

function parsedOrNull(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return null;
  }
}

function isEvent(value: unknown): value is RunEvent {
  const { time, type } = Object(value);
  return typeof time === "string" && typeof type === "string";
}

function isEvidence(value: unknown): value is BatchEvidence {
  const { batch, chain } = Object(value);
  return typeof batch === "number" && typeof chain === "string";
}

const shortened = (text: string) => (text.length > 100 ? `${text.slice(0, 97)}...` : text);

// ---- State, from the events -------------------------------------------------------------------------------------------------------

const STATE_AFTER: Partial<Record<EventType, RunState>> = {
  started: "running",
  resumed: "running",
  continued: "running",
  paused: "paused",
  stopped: "stopped",
  finished: "finished",
  failed: "failed",
};

/** A run that nobody trains any more, without a final event, counts as stopped. */
function stateOf(events: RunEvent[], isTrained: boolean): RunState {
  const states = events.flatMap(({ type }) => STATE_AFTER[type] ?? []);
  const last = states.at(-1) ?? "stopped";
  const active = last === "running" || last === "paused";
  return active && !isTrained ? "stopped" : last;
}
