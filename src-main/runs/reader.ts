import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { parseRecipe } from "../contract/parse-recipe";
import type { BatchEvidence, BatchRecord, EpochRecord, RunDetails, RunState, RunSummary } from "../contract/run";
import { readText } from "../disk/open-file";
import { linkOf } from "../training/evidence";
import { type EventType, type RunEvent, type RunHeader, type RunNote, runFiles, SCHEMA } from "./files";
import { type Readable, readLines, wholeLines } from "./lines";
import { ownerOf } from "./lock";
import { batchTableOf, EPOCHS, readTable, toText } from "./records";

/** Everything that a run folder holds. Throws an InputError if it holds no readable run. */
export function readRun(directory: string): RunDetails {
  const header = readHeader(directory);
  const events = readEvents(directory);
  const epochRecords = readEpochs(directory);
  return {
    ...summarize(directory, header, events, epochRecords),
    recipe: header.recipe,
    hashes: header.hashes,
    classes: header.classes,
    parameters: header.parameters,
    normalization: header.normalization,
    ...batchesWithEvidence(directory, header),
    epochRecords,
    teacherTestAcc: header.teacherTestAcc,
    events: events.map(({ time, type, text }) => ({ time, type, text })),
  };
}

/** The runs in a folder, newest first: the folder itself, its subfolders, and the arms of comparisons among them. Unreadable runs are left out. */
export function listRuns(directory: string): RunSummary[] {
  return runFolders(directory)
    .flatMap((folder) => {
      try {
        return [summarize(folder, readHeader(folder), readEvents(folder), readEpochs(folder))];
      } catch (error) {
        if (error instanceof InputError) return [];
        throw error;
      }
    })
    .sort((a, b) => (a.started < b.started ? 1 : -1));
}

/** The folder itself if it holds a run, otherwise the folders with runs up to `depth` levels below it, sorted by name. */
export function runFolders(directory: string, depth = 3): string[] {
  if (!existsSync(directory)) return [];
  if (existsSync(runFiles(directory).recipe)) return [directory];
  if (depth === 0) return [];
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => runFolders(join(directory, name), depth - 1));
}

function summarize(directory: string, header: RunHeader, events: RunEvent[], epochs: EpochRecord[]): RunSummary {
  const owner = ownerOf(directory);
  const evaluated = epochs.filter(({ testAcc }) => testAcc !== null);
  return {
    directory,
    name: header.recipe.name,
    arm: header.arm,
    state: stateOf(events, owner !== null),
    started: events[0]?.time ?? "",
    epochsDone: epochs.length,
    epochs: header.recipe.train.epochs,
    testAcc: evaluated.at(-1)?.testAcc ?? null,
    trainAcc: epochs.at(-1)?.trainAcc ?? null,
    owner,
  };
}

// ---- The single files -------------------------------------------------------------------------------------------------------------

/** Reads and checks recipe.json. Throws an InputError if it is missing, damaged or written by another version of this program. */
export function readHeader(directory: string): RunHeader {
  const path = runFiles(directory).recipe;
  if (!existsSync(path)) throw new InputError(`${directory} holds no run: expected a file recipe.json in it`);
  const text = readText(path);
  if (isBlank(text)) throw new InputError(`${path} is empty, as after a power loss: resume the run, which restores it from the last checkpoint`);
  try {
    return headerOf(parseJson(text));
  } catch (cause) {
    throw new InputError(`${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** Whether a run's recipe.json is there but was lost: empty or full of zeros. */
export function isHeaderLost(directory: string): boolean {
  const path = runFiles(directory).recipe;
  return existsSync(path) && isBlank(readText(path));
}

const isBlank = (text: string) => /^[\0\s]*$/.test(text);

/** Checks the content of a recipe.json. Throws an Error that says what is wrong with it. */
export function headerOf(json: unknown): RunHeader {
  const { schema, recipe, ...facts } = Object(json);
  if (schema !== SCHEMA) throw new Error(`expected a run of schema ${SCHEMA}, got ${shortened(JSON.stringify(schema) ?? "none")}`);
  return { schema, recipe: parseRecipe(recipe), ...checkedFacts(facts) };
}

/** What a checkpoint says of its run, as `textOfNote` wrote it. Throws an Error that says what is wrong with it. */
export function noteOf(text: string): RunNote {
  const { run, epochs } = Object(parseJson(text));
  const { records, damage } = readTable(EPOCHS, String(epochs));
  if (damage) throw new Error(damage);
  return { run: headerOf(run), epochs: records };
}

export function textOfNote({ run, epochs }: RunNote): string {
  return JSON.stringify({ run, epochs: toText(EPOCHS, epochs) });
}

const normalizationSchema = z.object({ mean: z.array(z.number()).length(3), std: z.array(z.number()).length(3) });
const factsSchema: z.ZodType<Omit<RunHeader, "schema" | "recipe">> = z.object({
  id: z.string().optional(),
  seed: z.number(),
  arm: z.enum(["single", "control", "student"]),
  hashes: z.object({ data: z.string(), initialWeights: z.string(), batches: z.string(), teacher: z.string().nullable() }),
  classes: z.array(z.string()),
  parameters: z.number(),
  normalization: z.object({ student: normalizationSchema, teacher: normalizationSchema.nullable() }).optional(),
  teacherTestAcc: z.number().nullable(),
});

function checkedFacts(facts: unknown): Omit<RunHeader, "schema" | "recipe"> {
  const { data, error } = factsSchema.safeParse(facts);
  if (data) return data;
  throw new Error(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

/** The lines of batches.csv, each with its link from evidence.jsonl, if there is one and the evidence is whole. */
function batchesWithEvidence(directory: string, header: RunHeader): Pick<RunDetails, "batches" | "evidenceDamage"> {
  const records = readBatches(directory);
  const { records: evidence, damage } = readableEvidence(directory);
  // A run whose evidence cannot be read can still be opened and resumed, but not proven.
  const evidenceDamage = damage ? `evidence.jsonl was changed: ${damage}` : damageOf(evidence, records.length, header);
  const links = new Map(evidence.map(({ batch, chain }) => [batch, chain]));
  return { batches: records.map((record, index) => ({ ...record, chain: evidenceDamage ? null : (links.get(index + 1) ?? null) })), evidenceDamage };
}

/** What is wrong with the evidence of a run with so many batches; null if nothing is. */
function damageOf(evidence: readonly BatchEvidence[], batches: number, { normalization, hashes }: RunHeader): string | null {
  // Earlier versions recorded no normalisation, and no evidence of the batches that they trained.
  const isOurs = normalization !== undefined;
  const first = isOurs ? 1 : (evidence[0]?.batch ?? 1);
  for (const [i, line] of evidence.entries()) {
    if (line.batch !== first + i) return `line ${i + 1} of evidence.jsonl is of batch ${line.batch}, expected ${first + i}: lines are missing`;
    const isKnown = i > 0 || first === 1;
    if (isKnown && line.chain !== linkOf(evidence[i - 1]?.chain ?? "", line))
      return `line ${i + 1} of evidence.jsonl does not follow from the line before it: the file was changed`;
  }
  // A process that dies leaves one batch with evidence and without its line at most.
  const isComplete = evidence.length === batches || evidence.length === batches + 1;
  if (isOurs && !isComplete) return `evidence.jsonl has ${evidence.length} batches and batches.csv ${batches}: lines are missing`;
  // recipe.json holds the link of the last checkpoint, "" before the first.
  if (isOurs && hashes.batches !== "" && !evidence.some(({ chain }) => chain === hashes.batches))
    return "evidence.jsonl does not hold the batch of the last checkpoint: lines are missing, or they are those of another run";
  return null;
}

// What grows line by line. A missing file counts as empty.

/** The lines of batches.csv alone. */
export const readBatches = (directory: string): BatchRecord[] => whole(runFiles(directory).batches, readableBatches(directory));
export const readEpochs = (directory: string): EpochRecord[] => whole(runFiles(directory).epochs, readableEpochs(directory));
export const readEvents = (directory: string): RunEvent[] => whole(runFiles(directory).events, readableEvents(directory));

export function readableBatches(directory: string): Readable<BatchRecord> {
  const { records, ...rest } = readable(runFiles(directory).batches, (text) => readTable(batchTableOf(text), text));
  return { records: records.map((record) => ({ ...record, chain: null })), ...rest };
}
export const readableEpochs = (directory: string): Readable<EpochRecord> => readable(runFiles(directory).epochs, (text) => readTable(EPOCHS, text));
export const readableEvents = (directory: string): Readable<RunEvent> => readable(runFiles(directory).events, jsonLines(isEvent));
/** Batches that an earlier version trained have no line, even if this version resumed their run. */
export const readableEvidence = (directory: string): Readable<BatchEvidence> => readable(runFiles(directory).evidence, jsonLines(isEvidence));

function readable<R>(path: string, read: (text: string) => Readable<R>): Readable<R> {
  return read(existsSync(path) ? readText(path) : "");
}

/** Throws an InputError that names the file if some of it cannot be read. */
function whole<R>(path: string, { records, damage }: Readable<R>): R[] {
  if (damage) throw new InputError(`${path} is damaged: ${damage}`);
  return records;
}

function jsonLines<R>(isRecord: (value: unknown) => value is R): (text: string) => Readable<R> {
  return (text) =>
    readLines(wholeLines(text), 1, (line, number) => {
      const record = parsedOrNull(line);
      if (isRecord(record)) return record;
      throw new Error(`line ${number} is not of this file: "${shortened(line)}"`);
    });
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
