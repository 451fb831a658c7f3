import { problemsIn } from "./check-recipe";
import { complete } from "./complete-recipe";
import { contradictionsOf } from "./contradictions";
import { UsageError } from "./failure";
import { DEEPEST, isUnwieldy } from "./json";
import type { Recipe } from "./recipe";
import type { Json } from "./recipe-values";

/** What is wrong with a recipe, one line each: `train.epochs: expected an integer from 1 to 10000, got "five"`. */
export class RecipeError extends UsageError {
  constructor(readonly problems: string[]) {
    super(problems.length === 1 ? `recipe: ${problems[0]}` : [`the recipe has ${problems.length} problems:`, ...problems.map((problem) => `  ${problem}`)]);
  }
}

/**
 * Turns what a file or form gave into a full recipe: checks every key, fills in defaults, refuses contradictions. Only `data.path` and
 * `student.model` are required. Throws a RecipeError that names every problem.
 */
export function parseRecipe(json: unknown): Recipe {
  expectWieldy(json);
  const problems = problemsIn(json);
  if (problems.length > 0) throw new RecipeError(problems);
  const recipe = complete(json as Json);
  const contradictions = contradictionsOf(recipe);
  if (contradictions.length > 0) throw new RecipeError(contradictions);
  return recipe;
}

/** Before anything walks through it. */
export function expectWieldy(json: unknown): void {
  if (isUnwieldy(json))
    throw new RecipeError([`expected sections of settings, got lists or objects nested deeper than ${DEEPEST} levels, or far too many of them`]);
}
