import { basename, join } from "node:path";
import { z } from "zod";
import { parseJson } from "../contract/json";
import type { Recipe } from "../contract/recipe";
import type { SearchResult, TrialResult } from "../contract/run";
import type { SearchInBrief } from "../contract/run-folder";
import { readText } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { SCHEMA, searchFiles } from "./files";

/** Writes search.json: what was asked for, and the trials so far. Paths are relative to its folder, which may be moved. */
export function writeSearch({ directory, asked, images, trials, best }: Omit<SearchResult, "bestRecipe" | "report">): void {
  const stored = { schema: SCHEMA, asked, images, trials, best };
  const inside = (key: string, value: unknown) => (key === "directory" ? basename(String(value)) : value);
  writeWhole(searchFiles(directory).search, `${JSON.stringify(stored, inside, 2)}\n`);
}

/** Writes best-recipe.json and returns its path. */
export function writeBestRecipe(directory: string, recipe: Recipe): string {
  const path = searchFiles(directory).bestRecipe;
  writeWhole(path, `${JSON.stringify(recipe, null, 2)}\n`);
  return path;
}

const value = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number())]);
const schema = z.object({
  schema: z.literal(SCHEMA),
  trials: z.array(
    z.object({
      trial: z.int().min(1),
      directory: z.string().regex(/^trial-\d+$/),
      settings: z.record(z.string(), value),
      valAcc: z.number().nullable(),
      valLoss: z.number().nullable(),
    }),
  ),
});

/** What lists of runs say of the search in a folder; null if search.json cannot be read. */
export function searchInBrief(directory: string): SearchInBrief | null {
  try {
    const { images } = z.object({ images: z.number() }).parse(parseJson(readText(searchFiles(directory).search)));
    return { images, trials: readTrials(directory) };
  } catch {
    return null;
  }
}

/** The trials that search.json holds; none if there is no such file or it cannot be read, for their folders have what it says. */
export function readTrials(directory: string): TrialResult[] {
  try {
    const { trials } = schema.parse(parseJson(readText(searchFiles(directory).search)));
    return trials.map((trial) => ({ ...trial, directory: join(directory, trial.directory) }));
  } catch {
    return [];
  }
}
