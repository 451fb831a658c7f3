import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { applySettings } from "../contract/apply-settings";
import { InputError } from "../contract/failure";
import { isUnwieldy, parseJson, repeatedKey, syntaxError } from "../contract/json";
import { parseRecipe } from "../contract/parse-recipe";
import type { Recipe } from "../contract/recipe";
import { pathsOf, resolvePaths } from "../contract/recipe-values";
import { type UnsizedTeacher, unsizedTeachers } from "../contract/teacher-size";
import { absolutePath } from "./paths";

/**
 * Reads a recipe file, applies `--set`, completes and checks it. Relative paths in the file start from its folder, those of `--set` from `cwd`. A run's
 * recipe.json works too, as it contains a recipe. `unsized`: its teachers whose image size neither says.
 */
export function readRecipe(file: string, assignments: readonly string[], cwd: string): { recipe: Recipe; unsized: UnsizedTeacher[] } {
  const place = absolutePath(file, cwd);
  const json = readJson(place, `--recipe ${file}`);
  const written = isOfRun(json) ? json.recipe : json;
  // What comes through a pipe lies in no folder.
  const folder = statSync(place).isFile() ? path.dirname(place) : cwd;
  // What is too deep or too large is refused as it is, before its values are looked at one by one.
  const placed = isUnwieldy(written) ? written : resolvePaths(written as Recipe, (each) => absolutePath(each, folder));
  const recipe = completeRecipe(placed, assignments, cwd);
  expectNotMeantFrom(cwd, folder, written as Recipe, recipe);
  return { recipe, unsized: unsizedTeachers(applySettings(placed, assignments), recipe) };
}

function isOfRun(json: unknown): json is { schema: number; recipe: unknown } {
  return typeof json === "object" && json !== null && "schema" in json && "recipe" in json;
}

/** Throws an InputError if a path leads nowhere from the recipe's folder, but would from the current one. */
function expectNotMeantFrom(cwd: string, folder: string, written: Recipe, recipe: Recipe): void {
  const final = new Map(pathsOf(recipe).map(({ key, path }) => [key, path]));
  for (const { key, path: each } of pathsOf(written)) {
    const [taken, other] = [absolutePath(each, folder), absolutePath(each, cwd)];
    if (final.get(key) !== taken || existsSync(taken) || !existsSync(other)) continue;
    throw new InputError(
      `${key}: ${taken} does not exist. Relative paths in a recipe start from the recipe's folder; ${other} is meant by --set ${key}=${each}, which starts from the current one`,
    );
  }
}

/** Like `readRecipe`, from the parsed content of a file; all relative paths start from `cwd`. */
export function completeRecipe(json: unknown, assignments: readonly string[], cwd: string): Recipe {
  return resolvePaths(parseRecipe(applySettings(json, assignments)), (each) => absolutePath(each, cwd));
}

/** The content of a file, which messages call `shown`. */
export function readJson(file: string, shown: string): unknown {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${shown}: cannot be read: ${REASONS[code ?? ""] ?? message}`, { cause: error });
  }
  const { text, value } = parsed(bytes, shown);
  const repeated = repeatedKey(text);
  if (repeated !== null) throw new InputError(`${shown}: "${repeated.slice(0, 100)}" is written twice, and only one can be meant: leave one of them`);
  return value;
}

function parsed(bytes: Buffer, shown: string): { text: string; value: unknown } {
  let text = "";
  try {
    text = textOf(bytes);
    return { text, value: parseJson(text) };
  } catch (error) {
    throw new InputError(`${shown}: expected a JSON document: ${syntaxError(text, error as Error)}`, { cause: error });
  }
}

const REASONS: Record<string, string | undefined> = {
  ENOENT: "there is no such file",
  EISDIR: "expected a file, got a folder",
  EACCES: "permission denied",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the name is too long for this system",
  ERR_FS_FILE_TOO_LARGE: "it is far larger than a recipe",
};

/** As editors save texts: in UTF-8, or in UTF-16 with the byte order mark that Windows' programs begin with. Throws an Error for anything else. */
function textOf(bytes: Buffer): string {
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  if (encoding === "utf-8" && bytes.subarray(0, 4).includes(0))
    throw new Error("it seems to be in UTF-16 or UTF-32 without a byte order mark: save it as UTF-8");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`it is not in ${encoding === "utf-8" ? "UTF-8" : "UTF-16"}, though it should be: save it as UTF-8`);
  }
}
