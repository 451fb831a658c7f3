/**
 * What a comparison or a sweep was asked for: request.json in its folder, from before its first arm begins. So whoever resumes it need not know, however
 * early it ended.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { armInWords, type ComparedArm, comparedArms } from "../contract/arms";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { parseRecipe } from "../contract/parse-recipe";
import type { Recipe } from "../contract/recipe";
import type { SearchRequest } from "../contract/run";
import { MOST_SEEDS } from "../contract/statistics";
import { readText } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { requestFile, SCHEMA } from "./files";
import { type Head, holdsRun, readHead } from "./header";

export interface Request {
  /** That of all arms; in a sweep, of the first seed. */
  recipe: Recipe;
  /** 1: no sweep over seeds. */
  seeds: number;
  /** Numbers of labelled images; null: no sweep over them. */
  labels: readonly number[] | null;
  /** Names of the arms of each comparison, which a later version keeps. */
  arms: readonly ComparedArm[];
  /** Of a search alone. */
  search?: SearchRequest;
}

/** What a version asked for that had no others, and did not say it. */
const FIRST_ARMS: readonly ComparedArm[] = ["control", "student"];

const searchSchema = z.object({ trials: z.int().min(1), batches: z.int().min(1).nullable(), over: z.array(z.string()) });
const schema = z.object({
  schema: z.literal(SCHEMA),
  recipe: z.unknown(),
  seeds: z.int().min(1),
  labels: z.array(z.int().min(1)).optional(),
  arms: z.array(z.enum(comparedArms)).optional(),
  search: searchSchema.optional(),
});

/** null if there is none, or if it cannot be read. */
export function readRequest(directory: string): Request | null {
  try {
    const { recipe, seeds, labels = null, arms = FIRST_ARMS, search } = schema.parse(parseJson(readText(requestFile(directory))));
    return { recipe: parseRecipe(recipe), seeds, labels, arms, ...(search && { search }) };
  } catch {
    return null;
  }
}

/** Throws an InputError if a file that is not this program's has the name. */
export function writeRequest(directory: string, request: Request): void {
  const path = requestFile(directory);
  if (existsSync(path) && !readRequest(directory) && !/^\0*$/.test(readText(path)))
    throw new InputError(`${path} already exists, and a comparison in that folder would overwrite it: choose another folder`);
  const { labels, ...rest } = request;
  writeWhole(path, `${JSON.stringify({ schema: SCHEMA, ...rest, ...(labels && { labels }) }, null, 2)}\n`);
}

export function removeRequest(directory: string): void {
  rmSync(requestFile(directory), { force: true });
}

/** Whether an arm of a comparison, or of one of a sweep's comparisons, or a trial of a search has begun. */
export function hasBegun(directory: string): boolean {
  if (numbered(directory, /^trial-(\d+)$/, trialFolder).some(holdsRun)) return true;
  return [directory, ...comparisonFolders(directory)].some((comparison) => comparedArms.some((arm) => holdsRun(join(comparison, arm))));
}

/**
 * The arms to which a comparison or sweep that has begun is held: those that it was asked for, whatever a later version would train. Null if none has
 * begun.
 */
export function armsBegun(directory: string): readonly ComparedArm[] | null {
  if (!hasBegun(directory)) return null;
  const found = comparedArms.filter((arm) => [directory, ...comparisonFolders(directory)].some((comparison) => holdsRun(join(comparison, arm))));
  return readRequest(directory)?.arms ?? [...new Set([...FIRST_ARMS, ...found])];
}

/** Whether a sweep has begun in a folder. */
export function holdsSweep(directory: string): boolean {
  return hasBegun(directory) && comparisonFolders(directory).length > 0;
}

/** How many seeds a comparison or sweep that is resumed was asked for. Throws an InputError if nothing tells. */
export function seedsOf(directory: string): number {
  const request = readRequest(directory);
  const folders = seedFolders(directory);
  if (request || folders.length === 0) return request?.seeds ?? 1;
  const [done, left] = [true, false].map((finished) => folders.filter((folder) => existsSync(join(folder, "comparison.json")) === finished));
  const states = [...done!.map((folder) => `${seedIn(folder)} finished`), ...left!.map((folder) => `${seedIn(folder)} not finished`)];
  throw new InputError(
    `${directory} holds comparisons of several seeds (${states.join(", ")}), and nothing in it tells how many were wanted, as ${requestFile(directory)} did: ` +
      "resume it with that number, on the command line with --seeds",
  );
}

/** How many seeds a finished sweep has in the end if it gets so many more. Throws an InputError if it is not finished, or cannot have more. */
export function seedsWithMore(directory: string, more: number): number {
  const seeds = seedsOf(directory);
  const { train } = recipeOfBoth(directory);
  const { labels } = readRequest(directory) ?? { labels: null };
  if (seeds === 1 && !labels && seedFolders(directory).length === 0)
    throw new InputError(
      `${directory} holds a comparison of one seed, ${train.seed}, in no folder of its own, so it gets no more. Compare the next ones in another folder, on the command line with ` +
        `--recipe ${requestFile(directory)} --set train.seed=${train.seed + 1} --seeds ${more} --out ${directory}-more, and write one report on both folders: it takes them together`,
    );
  if (seeds + more > MOST_SEEDS) throw new InputError(`${directory} has ${seeds} seeds, and ${more} more are more than ${MOST_SEEDS}: add fewer`);
  const folders = labels?.map((labelled) => labelsFolder(directory, labelled)) ?? [directory];
  const open = folders.flatMap((folder) => Array.from({ length: seeds }, (_, i) => seedFolder(folder, train.seed + i)).filter(isOpen));
  if (open.length === 0) return seeds + more;
  const names = open.map((folder) => relative(directory, folder)).join(", ");
  throw new InputError(`${directory} is not finished: ${names} ${open.length === 1 ? "is" : "are"} open. Resume it first, then add seeds`);
}

const isOpen = (comparison: string) => !existsSync(join(comparison, "comparison.json"));

/**
 * The numbers of labelled images of a sweep that is resumed; null if it is none over them. Throws an InputError if `asked` leaves out one that it began
 * with, or if what has begun is another kind of comparison.
 */
export function labelsOf(directory: string, asked: readonly number[] | null): readonly number[] | null {
  const begun = readRequest(directory);
  if (!begun) return asked;
  if (!asked) return begun.labels;
  if (!hasBegun(directory)) return asked;
  if (!begun.labels) throw new InputError(`${directory} was begun without numbers of labels: compare these in another folder`);
  const missing = begun.labels.filter((labelled) => !asked.includes(labelled));
  if (missing.length === 0) return asked;
  throw new InputError(
    `${directory} was begun with ${begun.labels.join(", ")} labels: resume it with all of these, and more if you like; ${missing.join(", ")} is missing`,
  );
}

/** The recipe that a run, a comparison or a sweep began with. Throws an InputError that says what is there instead. */
export function recipeOfRun(directory: string, kind: "train" | "compare" | "search"): Recipe {
  if (!existsSync(directory)) throw new InputError(`${directory} holds no run: there is no such folder`);
  const request = readRequest(directory);
  if (kind === "search" && !request?.search) throw new InputError(`${directory} holds no search: expected a folder that the verb search made`);
  if (kind !== "search" && request?.search) throw new InputError(`${directory} holds a search: resume it with the verb search`);
  return kind === "train" ? recipeOfOne(directory) : recipeOfBoth(directory);
}

function recipeOfOne(directory: string): Recipe {
  if (readRequest(directory) || hasBegun(directory)) throw new InputError(`${directory} holds a comparison: resume it with the verb compare`);
  const { arm, recipe } = readHead(directory).header;
  if (arm === "single") return recipe;
  throw new InputError(
    `${directory} holds the ${armInWords(arm)} of a comparison: resume the comparison, with the verb compare and its folder ${dirname(directory)}`,
  );
}

function recipeOfBoth(directory: string): Recipe {
  const request = readRequest(directory);
  if (request) return request.recipe;
  if (holdsRun(directory)) throw new InputError(`${directory} holds the run of one arm: resume it with the verb train`);
  const [first] = comparisonFolders(directory);
  return first ? recipeOfBoth(first) : recipeByArms(directory);
}

/** As in comparisons of earlier versions: each arm has its own recipe, and what they train with differently was the control's. */
function recipeByArms(directory: string): Recipe {
  const [control, student] = FIRST_ARMS.map((name) => join(directory, name)).map((arm): Head["header"] => {
    if (holdsRun(arm)) return readHead(arm).header;
    throw new InputError(
      `${directory} holds no comparison whose recipe is known: there is neither a request.json in it nor a run in ${arm}. ` +
        "Resume it with the recipe that it began with, on the command line with --recipe, or start it anew in another folder",
    );
  });
  const recipe = student!.recipe;
  const overrides = Object.entries(control!.recipe.train).filter(([key, value]) => value !== recipe.train[key as keyof Recipe["train"]]);
  return { ...recipe, control: { train: Object.fromEntries(overrides) } };
}

/** Where a sweep has the comparison of a seed, and where the sweep over seeds of a number of labelled images. */
export const seedFolder = (directory: string, seed: number): string => join(directory, `seed-${seed}`);
/** Where a search has a trial, counted from 1. */
export const trialFolder = (directory: string, trial: number): string => join(directory, `trial-${String(trial).padStart(3, "0")}`);
export const labelsFolder = (directory: string, labelled: number): string => join(directory, `labels-${labelled}`);

/** The comparisons of a sweep. */
function comparisonFolders(directory: string): string[] {
  return [...seedFolders(directory), ...numbered(directory, /^labels-(\d+)$/, labelsFolder).flatMap(seedFolders)];
}

const seedFolders = (directory: string): string[] => numbered(directory, /^seed-(\d+)$/, seedFolder);

/** The folders of a name with a number, in the order of their numbers. */
function numbered(directory: string, name: RegExp, folder: (directory: string, number: number) => string): string[] {
  const numbers = existsSync(directory) ? readdirSync(directory).flatMap((each) => name.exec(each)?.[1] ?? []) : [];
  return numbers
    .map(Number)
    .sort((a, b) => a - b)
    .map((number) => folder(directory, number));
}

const seedIn = (folder: string) => folder.split("-").at(-1)!;
