import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../contract/failure";
import { parseRecipe } from "../contract/parse-recipe";
import type { BatchEvidence, BatchRecord, EpochRecord, RunDetails, RunState, RunSummary } from "../contract/run";
import { linkOf } from "../training/evidence";
import { type EventType, type RunEvent, type RunHeader, runFiles, SCHEMA } from "./files";
import { ownerOf } from "./lock";
import { batchTableOf, EPOCHS, parseTable } from "./records";

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
  try {
    const { schema, recipe, ...facts } = Object(JSON.parse(readFileSync(path, "utf8")));
    if (schema !== SCHEMA) throw new Error(`expected a run of schema ${SCHEMA}, got ${JSON.stringify(schema)}`);
    return { schema, recipe: parseRecipe(recipe), ...checkedFacts(facts) };
  } catch (cause) {
    throw new InputError(`${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

const normalizationSchema = z.object({ mean: z.array(z.number()).length(3), std: z.array(z.number()).length(3) });
const factsSchema: z.ZodType<Omit<RunHeader, "schema" | "recipe">> = z.object({
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
  const evidence = readEvidence(directory);
  const evidenceDamage = damageOf(evidence, records.length, header);
  const links = new Map(evidence.map(({ batch, chain }) => [batch, chain]));
  return { batches: records.map((record, index) => ({ ...record, chain: evidenceDamage ? null : (links.get(index + 1) ?? null) })), evidenceDamage };
}

/** What is wrong with the evidence of a run with so many batches; null if nothing is. */
function damageOf(evidence: readonly BatchEvidence[], batches: number, { normalization }: RunHeader): string | null {
  // Earlier versions recorded no normalisation, and no evidence of the batches that they trained.
  const isOurs = normalization !== undefined;
  const first = isOurs ? 1 : (evidence[0]?.batch ?? 1);
  for (const [i, line] of evidence.entries()) {
    if (line.batch !== first + i) return `line ${i + 1} of evidence.jsonl is of batch ${line.batch}, expected ${first + i}: lines are missing`;
    const isKnown = i > 0 || first === 1;
    if (isKnown && line.chain !== linkOf(evidence[i - 1]?.chain ?? "", line))
      return `line ${i + 1} of evidence.jsonl does not follow from the line before it: the file was changed`;
  }
  if (isOurs && evidence.length < batches) return `evidence.jsonl has ${evidence.length} batches and batches.csv ${batches}: lines are missing`;
  return null;
}

/** The lines of batches.csv alone. */
export function readBatches(directory: string): BatchRecord[] {
  return read(runFiles(directory).batches, (text) => parseTable(batchTableOf(text), text)).map((record) => ({ ...record, chain: null }));
}
export const readEpochs = (directory: string): EpochRecord[] => read(runFiles(directory).epochs, (text) => parseTable(EPOCHS, text));

export const readEvents = (directory: string): RunEvent[] => read(runFiles(directory).events, parseLines<RunEvent>);

/** Batches that an earlier version trained have no line, even if this version resumed their run. */
export const readEvidence = (directory: string): BatchEvidence[] => read(runFiles(directory).evidence, parseLines<BatchEvidence>);

/** A last line without a line break was being written when the process died, and does not count. */
function parseLines<R>(text: string): R[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** A missing file counts as empty. Throws an InputError that names a file that cannot be parsed. */
function read<R>(path: string, parse: (text: string) => R[]): R[] {
  if (!existsSync(path)) return [];
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new InputError(`${path} is damaged: ${(cause as Error).message}`, { cause });
  }
}

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
