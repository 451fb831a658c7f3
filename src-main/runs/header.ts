/** What a run says of itself: recipe.json, checked against what its newest checkpoint says, or that alone where recipe.json cannot be read. */
import { existsSync, statSync } from "node:fs";
import { z } from "zod";
import { EARLIER, resolveArithmetic } from "../contract/arithmetic";
import { comparedArms } from "../contract/arms";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { parseRecipe } from "../contract/parse-recipe";
import { decidingDifference, isObject, valueAt } from "../contract/recipe-values";
import { readText } from "../disk/open-file";
import { hasCheckpoint, noteOfNewest } from "../training/checkpoint";
import { type RunHeader, type RunNote, runFiles, SCHEMA } from "./files";
import { EPOCHS, readTable, toText } from "./records";

export interface Head {
  header: RunHeader;
  /** What the newest checkpoint says; null if there is none, or if an earlier version wrote it. */
  note: RunNote | null;
  /** What is wrong with recipe.json, and what to do: it cannot be read, or says something else than the checkpoint. Null if nothing is. */
  damage: string | null;
  /** Whether recipe.json cannot be read, so that `header` is what the checkpoint says. */
  isLost: boolean;
}

/**
 * Reads the head of a run; of its checkpoint only the beginning, so that damage to its tensors is not noticed. Throws an InputError if neither
 * recipe.json nor a checkpoint can be read, or if another version of this program wrote them.
 */
export function readHead(directory: string): Head {
  const newest = noteOfNewest(runFiles(directory).checkpoint);
  const head = headBy(directory, newest?.run ? noteOrNull(newest.run) : null);
  const isForeign = newest !== null && newest.run === null && head.header.id !== undefined;
  return isForeign ? { ...head, damage: `${newest.path} does not say which run it belongs to` } : head;
}

/** The same, by what a checkpoint is known to say. */
export function headBy(directory: string, note: RunNote | null): Head {
  const path = runFiles(directory).recipe;
  const { header, problem } = stored(path);
  if (header) return { header, note, damage: note && differenceInWords(path, header, note.run), isLost: false };
  const first = isInTheWay(path) ? "move it away and " : "";
  if (note) return { header: note.run, note, damage: `${problem}: ${first}resume the run, which restores it from its checkpoint`, isLost: true };
  if (!existsSync(path)) throw new InputError(`${directory} holds no run: expected a file recipe.json in it`);
  throw new InputError(`${problem}, and no checkpoint tells what it held`);
}

/** Of that, what the run is. Throws an InputError as `readHead`. */
export function readHeader(directory: string): RunHeader {
  return readHead(directory).header;
}

/**
 * Whether a folder holds a run, which recipe.json or a checkpoint shows. A recipe that somebody put there under that name makes none; nor does a file that
 * cannot be read, where nothing else of a run lies beside it.
 */
export function holdsRun(directory: string): boolean {
  const { recipe, checkpoint, events } = runFiles(directory);
  if (hasCheckpoint(checkpoint)) return true;
  if (!existsSync(recipe)) return false;
  const json = jsonIn(recipe);
  return isObject(json) ? "schema" in json : existsSync(events);
}

/** null if the file cannot be read or is no JSON. */
function jsonIn(path: string): unknown {
  try {
    return parseJson(readText(path));
  } catch {
    return null;
  }
}

/** Whether something that is no file has the name of a run's file. */
export function isInTheWay(path: string): boolean {
  return existsSync(path) && !statSync(path).isFile();
}

function stored(path: string): { header: RunHeader; problem: null } | { header: null; problem: string } {
  if (!existsSync(path)) return { header: null, problem: `${path} is missing` };
  if (isInTheWay(path)) return { header: null, problem: `${path} is a folder or a device, where a file is expected` };
  try {
    const text = readText(path);
    if (/^[\0\s]*$/.test(text)) return { header: null, problem: `${path} is empty, as after a power loss` };
    return { header: headerOf(parseJson(text)), problem: null };
  } catch (cause) {
    return { header: null, problem: `${path} cannot be used: ${(cause as Error).message}` };
  }
}

/** In what recipe.json and the checkpoint differ, besides hashes that grow with the run; null if in nothing. */
function differenceInWords(path: string, header: RunHeader, noted: RunHeader): string | null {
  const differ = (how: string) =>
    `${path} ${how}: one of them was changed, or belongs to another run. If it is recipe.json, delete it and resume the run, which restores it`;
  const says = (its: unknown, other: unknown) => differ(`says ${its}, and the checkpoint ${other}`);
  if (header.arm !== noted.arm) return says(`that this is the ${header.arm} arm`, `that it is the ${noted.arm} arm`);
  const key = decidingDifference(header.recipe, noted.recipe);
  if (key) {
    const [its, other] = [header, noted].map(({ recipe }) => JSON.stringify(valueAt(recipe, key) ?? null));
    return says(`${key} ${its}`, other);
  }
  const different = FACTS.find(([, of]) => JSON.stringify(of(header) ?? null) !== JSON.stringify(of(noted) ?? null));
  // A run of an earlier version has no identity until its checkpoints carry one.
  const isOther = header.id !== undefined && header.id !== noted.id;
  const what = different?.[0] ?? (isOther ? "identity" : null);
  return what && differ(`and the checkpoint differ in the ${what}`);
}

/** What does not change while a run is trained. */
const FACTS: readonly (readonly [name: string, of: (header: RunHeader) => unknown])[] = [
  ["seed", ({ seed }) => seed],
  ["hash of the data", ({ hashes }) => hashes.data],
  ["hash of the initial weights", ({ hashes }) => hashes.initialWeights],
  ["hash of the teacher", ({ hashes }) => hashes.teacher],
  ["list of classes", ({ classes }) => classes],
  ["number of parameters", ({ parameters }) => parameters],
  ["normalisation", ({ normalization }) => normalization],
  ["arithmetic", ({ arithmetic }) => arithmetic],
  ["accuracy of the teacher", ({ teacherTestAcc }) => teacherTestAcc],
];

function noteOrNull(text: string): RunNote | null {
  try {
    return noteOf(text);
  } catch {
    return null;
  }
}

// ---- Contents, checked ------------------------------------------------------------------------------------------------------------

/** Checks the content of a recipe.json. Throws an Error that says what is wrong with it. */
export function headerOf(json: unknown): RunHeader {
  const { schema, recipe, ...facts } = Object(json);
  if (schema !== SCHEMA) throw new Error(`expected a run of schema ${SCHEMA}, got ${(JSON.stringify(schema) ?? "none").slice(0, 100)}`);
  return { schema, recipe: resolveArithmetic(parseRecipe(recipe), EARLIER), ...checkedFacts(facts) };
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
const machineSchema = z.discriminatedUnion("device", [
  z.object({ device: z.literal("cpu"), isa: z.string(), gflops: z.object({ fp32: z.number(), bf16: z.number().nullable() }) }),
  z.object({ device: z.literal("cuda"), name: z.string(), capability: z.string() }),
]);
const precisionSchema = z.enum(["fp32", "bf16"]);
const arithmeticSchema = z.object({ precision: precisionSchema, bf16Products: precisionSchema, reason: z.string(), machine: machineSchema });
const countSchema = z.int().min(0);
const seenSchema = z.object({
  fitted: countSchema,
  test: z.object({ count: countSchema, fitted: countSchema, chosen: countSchema, accuracy: z.number().nullable() }),
  labelled: z.object({ count: countSchema, fitted: countSchema, distinct: countSchema }).nullable(),
});
const factsSchema: z.ZodType<Omit<RunHeader, "schema" | "recipe">> = z.object({
  id: z.string().optional(),
  seed: z.number(),
  epochs: z.number().optional(),
  arithmetic: arithmeticSchema.optional(),
  arm: z.enum(["single", ...comparedArms]),
  hashes: z.object({ data: z.string(), initialWeights: z.string(), batches: z.string(), teacher: z.string().nullable() }),
  classes: z.array(z.string()),
  parameters: z.number(),
  normalization: z.object({ student: normalizationSchema, teacher: normalizationSchema.nullable() }).optional(),
  teacherTestAcc: z.number().nullable(),
  seen: z.array(seenSchema.nullable()).optional(),
});

function checkedFacts(facts: unknown): Omit<RunHeader, "schema" | "recipe"> {
  const { data, error } = factsSchema.safeParse(facts);
  if (data) return data;
  throw new Error(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}
