import { readFileSync } from "node:fs";
import path from "node:path";
import { applySettings } from "../contract/apply-settings";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { parseRecipe } from "../contract/parse-recipe";
import type { Recipe } from "../contract/recipe";
import { resolvePaths } from "../contract/recipe-values";

/** Reads a recipe file, applies `--set`, completes and checks it. Relative paths start from `cwd`. A run's recipe.json works too, as it contains a recipe. */
export function readRecipe(file: string, assignments: readonly string[], cwd: string): Recipe {
  const json = readJson(path.resolve(cwd, file), `--recipe ${file}`);
  return completeRecipe(isOfRun(json) ? json.recipe : json, assignments, cwd);
}

function isOfRun(json: unknown): json is { schema: number; recipe: unknown } {
  return typeof json === "object" && json !== null && "schema" in json && "recipe" in json;
}

/** Like `readRecipe`, from the parsed content of a file. */
export function completeRecipe(json: unknown, assignments: readonly string[], cwd: string): Recipe {
  return resolvePaths(parseRecipe(applySettings(json, assignments)), (each) => path.resolve(cwd, each));
}

/** The content of a file, which messages call `shown`. */
export function readJson(file: string, shown: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: "there is no such file", EISDIR: "expected a file, got a folder" }[code ?? ""] ?? message;
    throw new InputError(`${shown}: cannot be read: ${reason}`, { cause: error });
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw new InputError(`${shown}: expected a JSON document: ${(error as Error).message}`, { cause: error });
  }
}
