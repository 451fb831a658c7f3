/** Settings given as text, by `--set` or the form, for a recipe that is complete or not yet. */
import { checkDistillation, checkSetting, isSum, unknownKey } from "./check-recipe";
import { expandShortForm } from "./complete-recipe";
import { isObjectiveKind, objectiveKinds } from "./objectives";
import { expectWieldy, RecipeError } from "./parse-recipe";
import { isNullableSection } from "./recipe-tree";
import { assign, copy, isObject, type Json } from "./recipe-values";
import { expectation, type SettingValue, valueFromText } from "./setting";
import { controlKeys, sections, settingAt, settingKeys } from "./settings";

/**
 * A recipe (complete or not yet) with values from "key=value" texts, as `--set` takes them: "train.epochs=3", "teacher=null",
 * "distillation.terms.0.weight=40". A distillation in short form is expanded where a term or the weight of the labels is set; a term whose kind
 * changes gets the defaults of its new kind. Returns a copy for `parseRecipe`, which checks the values. Throws a RecipeError if a key does not
 * exist.
 */
export function applySettings(json: unknown, assignments: readonly string[]): unknown {
  expectWieldy(json);
  const recipe = isObject(json) ? copy(json) : {};
  const problems = inOrder(assignments).flatMap((assignment) => {
    const [key, text] = splitOnce(assignment);
    return (text === undefined ? `expected key=value, as in train.epochs=3, got "${assignment}"` : applySetting(recipe, key, text)) ?? [];
  });
  if (problems.length > 0) throw new RecipeError([...new Set(problems)]);
  return isObject(json) || json === undefined ? recipe : json;
}

const OTHER = /^teacher\.others\.(\d+)\.(\w+)$/;
const TERM = /^distillation\.terms\.(\d+)\.(\w+)$/;

/** Terms last, because they may replace the short form; of those the kinds first, because the other keys of a term depend on its kind. */
function inOrder(assignments: readonly string[]): string[] {
  const rank = (assignment: string) => {
    const term = TERM.exec(splitOnce(assignment)[0]);
    return term ? (term[2] === "kind" ? 1 : 2) : 0;
  };
  return [...assignments].sort((a, b) => rank(a) - rank(b));
}

type Problems = string | string[] | null;

/** Changes the recipe in place. Returns what is wrong with the assignment. */
function applySetting(recipe: Json, key: string, text: string): Problems {
  const [, index, name] = TERM.exec(key) ?? [];
  if (index !== undefined) return applyToTerm(recipe, Number(index), name!, text);
  const [, other, row] = OTHER.exec(key) ?? [];
  if (other !== undefined) return applyToOther(recipe, Number(other), row!, text);
  if (key === "teacher.others") return "teacher.others: cannot be set as a whole; set a key in it, such as teacher.others.0.model";
  if (key === "distillation.terms") return "distillation.terms: cannot be set as a whole; set a key in it, such as distillation.terms.0.kind";
  const { distillation } = recipe;
  const short = /^distillation\.(temperature|alpha)$/.exec(key)?.[1];
  if (short && isObject(distillation) && isSum(distillation)) return applyToSoftTerm(distillation, short, text);
  const problems = key === "distillation.labels" ? expandIn(recipe) : [];
  if (problems.length > 0) return problems;
  const setting = settingAt(key, recipe);
  if (setting) assign(recipe, key.split("."), valueFromText(setting, text));
  else if (isNullableSection(key) && text === "null") recipe[key] = null;
  else return Object.hasOwn(sections, key) ? wholeSection(key) : unknownKey(key, recipe);
  return null;
}

/** Sets a value of a teacher besides the first; the next one is added. */
function applyToOther(recipe: Json, index: number, name: string, text: string): Problems {
  const key = `teacher.others.${index}.${name}`;
  const setting = settingAt(key);
  if (!isObject(recipe.teacher)) recipe.teacher = {};
  const teacher = recipe.teacher as Json;
  teacher.others ??= [];
  const { others } = teacher;
  // `parseRecipe` says what is wrong with them.
  if (!Array.isArray(others)) return null;
  if (index > others.length) return `${key}: there is no such teacher; the next one is teacher.others.${others.length}`;
  others[index] ??= {};
  if (!setting) return unknownKey(key, recipe);
  if (isObject(others[index])) others[index][name] = valueFromText(setting, text);
  return null;
}

function applyToTerm(recipe: Json, index: number, name: string, text: string): Problems {
  const problems = expandIn(recipe);
  if (problems.length > 0) return problems;
  if (!isObject(recipe.distillation)) recipe.distillation = { terms: [] };
  const { terms } = recipe.distillation as Json;
  // `parseRecipe` says what is wrong with them.
  if (!Array.isArray(terms)) return null;
  const key = `distillation.terms.${index}.${name}`;
  if (index > terms.length) return `${key}: there is no such term; the next one is distillation.terms.${terms.length}`;
  if (name === "kind") return applyKind(terms, index, text);
  const term = terms[index];
  if (term === undefined) return `${key}: there is no such term; add it with distillation.terms.${index}.kind, one of ${objectiveKinds.join(", ")}`;
  if (!isObject(term) || !isObjectiveKind(term.kind)) return null;
  const setting = settingAt(key, recipe);
  if (!setting) return unknownKey(key, recipe);
  term[name] = valueFromText(setting, text);
  return null;
}

function applyKind(terms: unknown[], index: number, kind: string): string | null {
  const term = terms[index];
  if (!isObject(term) || term.kind !== kind) terms[index] = { kind };
  if (isObjectiveKind(kind)) return null;
  const key = `distillation.terms.${index}.kind`;
  return `${key}: expected ${expectation(settingAt(key)!)}, got ${JSON.stringify(kind)}`;
}

/** Replaces the recipe's short form, if it has one, by the sum that it stands for. Returns the short form's problems. */
function expandIn(recipe: Json): string[] {
  const { distillation } = recipe;
  if (!isObject(distillation) || isSum(distillation)) return [];
  const problems = checkDistillation(distillation, recipe);
  if (problems.length === 0) recipe.distillation = expandShortForm(distillation);
  return problems;
}

/** Temperature and alpha belong to the short form of a distillation. Where there are terms, they mean the only term of soft labels, if there is one. */
function applyToSoftTerm(distillation: Json, name: string, text: string): string | null {
  const key = `distillation.${name}`;
  const value = valueFromText(settingAt(key)!, text);
  const problem = checkSetting(key, value);
  if (problem) return `${key}: ${problem}`;
  const terms = Array.isArray(distillation.terms) ? distillation.terms.filter(isObject) : [];
  const soft = terms.filter(({ kind }) => kind === "soft");
  if (name === "temperature" && soft.length === 1) return put(soft[0]!, { temperature: value });
  if (name === "alpha" && soft.length === 1 && terms.length === 1)
    return put(distillation, { labels: 1 - (value as number) }) ?? put(soft[0]!, { weight: value });
  if (name === "alpha")
    return `${key}: belongs to soft labels alone, and this recipe has other terms; set distillation.labels and the terms' weights, such as distillation.terms.0.weight`;
  return `${key}: expected one term of soft labels, and this recipe has ${soft.length}; set the temperature of a term, as in distillation.terms.0.temperature`;
}

function put(target: Json, values: { [name: string]: SettingValue }): null {
  Object.assign(target, values);
  return null;
}

function splitOnce(assignment: string): [string, string | undefined] {
  const at = assignment.indexOf("=");
  return at < 0 ? [assignment, undefined] : [assignment.slice(0, at), assignment.slice(at + 1)];
}

function wholeSection(section: string): string {
  const example = settingKeys.find((key) => key.startsWith(`${section}.`)) ?? controlKeys[0];
  return `${section}: cannot be set as a whole${isNullableSection(section) ? ", except to null" : ""}; set a key in it, such as ${example}`;
}
