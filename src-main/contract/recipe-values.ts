/** The values of a recipe by their keys. */
import { type Term, termSettings } from "./objectives";
import type { Distillation, Recipe, TeacherChoice } from "./recipe";
import { type Setting, type SettingValue, sameValue } from "./setting";
import { otherTeacherRows, settingAt, settingKeys } from "./settings";

/** An object of a recipe that is not checked yet. */
export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function copy<T>(json: T): T {
  return JSON.parse(JSON.stringify(json)) as T;
}

/** Sets the value at a path, and makes the objects on the way to it. */
export function assign(target: Json, [name, ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[name!] = value;
    return;
  }
  if (!isObject(target[name!]) && !Array.isArray(target[name!])) target[name!] = {};
  assign(target[name!] as Json, rest, value);
}

/** The value at a key; undefined where its part of the recipe is null. */
export function valueAt(recipe: Recipe, key: string): SettingValue | undefined {
  return key.split(".").reduce<unknown>((part, name) => (isObject(part) || Array.isArray(part) ? (part as Json)[name] : undefined), recipe) as
    | SettingValue
    | undefined;
}

export interface RecipeSetting {
  key: string;
  setting: Setting;
  value: SettingValue;
}

/** All settings of a recipe with their values, its terms' and other teachers' included, in the order of the tables; those of sections that are null left out. */
export function recipeSettings(recipe: Recipe): RecipeSetting[] {
  const more: { [after: string]: string[] } = { "distillation.labels": termKeys(recipe.distillation), "teacher.std": otherTeacherKeys(recipe) };
  const keys = settingKeys.flatMap((key) => [key, ...(more[key] ?? [])]);
  return keys.flatMap((key) => {
    const value = valueAt(recipe, key);
    return value === undefined ? [] : [{ key, setting: settingAt(key, recipe)!, value }];
  });
}

/** Settings that differ from their defaults and have no effect in this recipe, such as the momentum of an optimizer that has none. */
export function settingsWithoutEffect(recipe: Recipe): RecipeSetting[] {
  return recipeSettings(recipe).filter(({ setting, value }) => {
    const isSet = !("default" in setting) || !sameValue(value, setting.default);
    return isSet && !hasEffect(setting, recipe);
  });
}

/** Whether a setting has an effect in this recipe. */
export const hasEffect = ({ applies }: Setting, recipe: Recipe): boolean => applies?.to((key) => valueAt(recipe, key)) ?? true;

/** Whether a student learns from images without labels, which only a teacher makes possible. */
export function usesUnlabelled({ data, distillation }: Pick<Recipe, "data" | "distillation">): boolean {
  return distillation !== null && distillation.images !== "labelled" && Boolean(data.unlabelled);
}

/** The teachers of a recipe, the first one first. */
export function teachersOf({ teacher }: Pick<Recipe, "teacher">): TeacherChoice[] {
  return teacher ? [teacher, ...(teacher.others ?? [])] : [];
}

/** Keys of all settings of the teachers besides the first: "teacher.others.0.model" ...; of any recipe, checked or not. */
export function otherTeacherKeys(recipe: unknown): string[] {
  const others = isObject(recipe) && isObject(recipe.teacher) ? recipe.teacher.others : undefined;
  if (!Array.isArray(others)) return [];
  return others.flatMap((_, index) => Object.keys(otherTeacherRows).map((name) => `teacher.others.${index}.${name}`));
}

/** Keys of all settings of a distillation's terms: "distillation.terms.0.kind" ... */
export function termKeys(distillation: Distillation | null): string[] {
  return (distillation?.terms ?? []).flatMap(({ kind }, index) => termKeysAt(kind, index));
}

/** Keys in which two recipes differ, in the order of the tables. */
export function differingSettings(a: Recipe, b: Recipe): string[] {
  const keys = [...recipeSettings(a), ...recipeSettings(b)].map(({ key }) => key);
  return [...new Set(keys)].filter((key) => !sameValue(valueAt(a, key), valueAt(b, key)));
}

/** A setting in which the recipe of a run and another differ and that may not change when the run is resumed. Whoever says "auto" takes what the run has. */
export function decidingDifference(begun: Recipe, now: Recipe): string | undefined {
  return differingSettings(begun, now).find((key) => !settingAt(key, now)?.resumable && valueAt(now, key) !== "auto");
}

export function termKeysAt(kind: Term["kind"], index: number): string[] {
  return ["kind", ...Object.keys(termSettings(kind))].map((name) => `distillation.terms.${index}.${name}`);
}

/** The key under which two recipes say what a key says: where both can be written in short form, its key. */
export function keyAsWritten(key: string, a: Recipe, b: Recipe): string {
  if (![a, b].every(({ distillation }) => distillation && isShort(distillation))) return key;
  if (key === "distillation.labels" || key === "distillation.terms.0.weight") return "distillation.alpha";
  return key === "distillation.terms.0.temperature" ? "distillation.temperature" : key;
}

/** The value at a key that `keyAsWritten` returned. */
export function valueAsWritten(key: string, recipe: Recipe): SettingValue | undefined {
  const inTerm = { "distillation.alpha": "weight", "distillation.temperature": "temperature" }[key];
  return valueAt(recipe, inTerm ? `distillation.terms.0.${inTerm}` : key);
}

function isShort({ labels, terms: [first, ...others] }: Distillation): boolean {
  return first?.kind === "soft" && others.length === 0 && labels === 1 - first.weight;
}

/** The recipe with `resolve` applied to every path in it; null and words such as "bundled" stay as they are. */
export function resolvePaths(recipe: Recipe, resolve: (path: string) => string): Recipe {
  const resolved = copy(recipe) as unknown as Json;
  for (const { key, path } of pathsOf(recipe)) assign(resolved, key.split("."), resolve(path));
  return resolved as unknown as Recipe;
}

/** The files of weights that a recipe names, "bundled" included. */
export function weightsIn(recipe: Pick<Recipe, "teacher" | "student">): string[] {
  const { weights } = recipe.student;
  return [...teachersOf(recipe).map((teacher) => teacher.weights), ...(weights === null ? [] : [weights])];
}

/** The recipe with its weights in other places. */
export function withWeightsAt<R extends Recipe>(recipe: R, placeOf: (weights: string) => string): R {
  const { teacher, student } = recipe;
  const moved = <T extends { weights: string }>(choice: T): T => ({ ...choice, weights: placeOf(choice.weights) });
  return {
    ...recipe,
    teacher: teacher && { ...moved(teacher), ...(teacher.others && { others: teacher.others.map(moved) }) },
    student: student.weights === null ? student : { ...student, weights: placeOf(student.weights) },
  };
}

/** The files and folders that a recipe names, without words such as "bundled" in their place; of any recipe, checked or not. */
export function pathsOf(recipe: Recipe): { key: string; path: string }[] {
  return [...settingKeys, ...otherTeacherKeys(recipe)].flatMap((key) => {
    const setting = settingAt(key)!;
    const path = setting.kind === "file" || setting.kind === "folder" ? valueAt(recipe, key) : null;
    return typeof path === "string" && !("words" in setting && setting.words?.includes(path)) ? [{ key, path }] : [];
  });
}
