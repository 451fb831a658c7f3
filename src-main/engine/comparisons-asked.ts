import type { Methods } from "../contract/engine";
import { InputError } from "../contract/failure";
import type { Recipe } from "../contract/recipe";
import { hasBegun, holdsSweep, labelsOf, readRequest, seedsOf, seedsWithMore } from "../runs/request";

interface Asking extends Pick<Methods["start"]["params"], "out" | "resume" | "seeds" | "addSeeds" | "labels"> {
  recipe: Recipe;
}

/**
 * How many seeds, and which numbers of labelled images, comparisons are asked for; where they are resumed, what is left out is as their folder says. Throws an
 * InputError if the folder began with something else.
 */
export function comparisonsAsked({ out, resume, recipe, seeds, addSeeds, labels }: Asking): { seeds: number; labels: readonly number[] | null } {
  const wanted = addSeeds ? seedsWithMore(out, addSeeds) : (seeds ?? (resume ? seedsOf(out) : 1));
  if (resume) expectSameSweep(out, recipe, wanted);
  const numbers = labels ? [...new Set(labels)].sort((a, b) => a - b) : null;
  return { seeds: wanted, labels: resume ? labelsOf(out, numbers) : numbers };
}

/** Throws an InputError if the sweep in a folder began with another first seed, or if a comparison in no folder of its own is to become one of several. */
function expectSameSweep(directory: string, { train: { seed } }: Recipe, seeds: number): void {
  const begun = readRequest(directory);
  if (!begun || !hasBegun(directory)) return;
  const isOne = begun.seeds === 1 && !begun.labels && !holdsSweep(directory);
  if (isOne && seeds === 1) return;
  const first = begun.recipe.train.seed;
  const was = `${directory} was begun with ${begun.seeds > 1 ? `${begun.seeds} seeds, from ${first} on` : `one seed, ${first}`}`;
  if (isOne) throw new InputError(`${was}, in no folder of its own: compare more seeds in another folder`);
  if (seed !== first)
    throw new InputError(`${was}, and the recipe now begins with seed ${seed}: resume it without setting train.seed, or compare in another folder`);
}
