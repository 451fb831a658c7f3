import { applySettings } from "../../src-main/contract/apply-settings";
import { arithmeticInWords } from "../../src-main/contract/arithmetic";
import { imageSizeOf } from "../../src-main/contract/families";
import { isObjectiveKind, objectives, type Term, termSettings } from "../../src-main/contract/objectives";
import type { Distillation, OtherTeacher, Recipe } from "../../src-main/contract/recipe";
import { differingSettings, recipeSettings, valueAt } from "../../src-main/contract/recipe-values";
import type { RunDetails } from "../../src-main/contract/run";
import { type Setting, type SettingValue, textOfValue } from "../../src-main/contract/setting";
import { otherTeacherRows, sections, settingAt, settings } from "../../src-main/contract/settings";

/** One heading of the form, with the keys that it always shows and those that it shows on request. */
export interface FormGroup {
  title: string;
  plain: string[];
  advanced: string[];
}

/** Chosen on the Data screen, which also detects the format. */
const CHOSEN_WITH_DATA = new Set(["data.path", "data.format"]);

/** The form as it follows from the table of settings: groups and keys in the table's order. A new row appears by itself. */
export function formGroups(table: { readonly [key: string]: Setting } = settings): FormGroup[] {
  const groups = new Map<string, FormGroup>();
  for (const [key, setting] of Object.entries(table)) {
    if (CHOSEN_WITH_DATA.has(key)) continue;
    const title = setting.group ?? sectionLabel(key);
    const group = groups.get(title) ?? { title, plain: [], advanced: [] };
    groups.set(title, group);
    (setting.advanced ? group.advanced : group.plain).push(key);
  }
  return [...groups.values()];
}

function sectionLabel(key: string): string {
  const section = key.split(".")[0]!;
  return Object.hasOwn(sections, section) ? sections[section as keyof typeof sections].label : "Run";
}

/** Keys of a term's settings, its kind first. */
export function keysOfTerm(terms: readonly Term[], index: number): string[] {
  return ["kind", ...Object.keys(termSettings(terms[index]!.kind))].map((name) => `distillation.terms.${index}.${name}`);
}

/** A term of this kind with its default weight and settings. */
export function newTerm(kind: Term["kind"]): Term {
  const values = Object.entries(termSettings(kind)).map(([name, row]) => [name, "default" in row ? row.default : null]);
  return { kind, ...Object.fromEntries(values) };
}

/** Keys of the settings of a teacher besides the first. */
export const keysOfTeacher = (index: number): string[] => Object.keys(otherTeacherRows).map((name) => `teacher.others.${index}.${name}`);

/** A teacher besides the first, with the defaults of its model. */
export function newTeacher(model: string): OtherTeacher {
  const values = Object.entries(otherTeacherRows).map(([name, row]) => [
    name,
    "default" in row ? row.default : "defaultOf" in row ? row.defaultOf(model) : null,
  ]);
  return { ...Object.fromEntries(values), model };
}

/** The recipe with a value as text in one of its settings. A new model brings its own sizes along, a new kind of objective its own settings. */
export function assigned(recipe: Recipe, key: string, text: string): Recipe {
  const term = /^distillation\.terms\.(\d+)\.kind$/.exec(key)?.[1];
  if (term !== undefined && isObjectiveKind(text))
    return withTerms(
      recipe,
      recipe.distillation!.terms.map((each, index) => (index === Number(term) && each.kind !== text ? newTerm(text) : each)),
    );
  const assignments = [`${key}=${text}`];
  const network = /^(.+)\.model$/.exec(key)?.[1];
  if (network) assignments.push(`${network}.imageSize=${imageSizeOf(text)}`);
  if (network === "student") assignments.push("student.patchSize=null");
  return applySettings(recipe, assignments) as Recipe;
}

/** Without a distillation, there is nothing to learn from. */
export const withTerms = (recipe: Recipe, terms: readonly Term[]): Recipe =>
  recipe.distillation ? { ...recipe, distillation: { ...recipe.distillation, terms: [...terms] } } : recipe;

/** Teachers besides the first. Without that, there are none. */
export function withOtherTeachers(recipe: Recipe, others: readonly OtherTeacher[]): Recipe {
  if (!recipe.teacher) return recipe;
  const { others: _, ...first } = recipe.teacher;
  return { ...recipe, teacher: others.length > 0 ? { ...first, others: [...others] } : first };
}

/** The label of a setting, as it is called among all others: "Teacher 2's image size", "Weight (soft labels)". */
export function labelOf(key: string, recipe: Recipe): string {
  if (key === "teacher.others") return "Other teachers";
  const label = settingAt(key, recipe)?.label ?? key;
  const other = /^teacher\.others\.(\d+)\./.exec(key)?.[1];
  if (other !== undefined) return label.replace(/^Teacher/, `Teacher ${Number(other) + 2}`);
  const terms = recipe.distillation?.terms ?? [];
  const term = terms[Number(/^distillation\.terms\.(\d+)\.(?!kind)/.exec(key)?.[1])];
  return term && terms.length > 1 ? `${label} (${lowerFirst(objectives[term.kind].label)})` : label;
}

/** The sum that a student minimises: "0.62 · soft labels + 0.38 · labels". A weight and its term share a line. Terms of weight 0 are left out. */
export function lossInWords({ labels, terms }: Distillation): string {
  const summands = [...terms.map(({ kind, weight }) => ({ weight, name: lowerFirst(objectives[kind].label) })), { weight: labels, name: "labels" }];
  return summands
    .filter(({ weight }) => weight !== 0)
    .map(({ weight, name }) => (weight === 1 ? name : `${rounded(weight)}\u00a0·\u00a0${name}`))
    .join(" + ");
}

/** The settings of a term besides its weight: "Soft labels: temperature 0.212". What is null is left out. */
export function termInWords(recipe: Recipe, index: number): string {
  const { terms } = recipe.distillation!;
  const [, , ...keys] = keysOfTerm(terms, index);
  const words = keys.flatMap((key) => {
    const value = valueAt(recipe, key);
    return value === null || value === undefined ? [] : [`${lowerFirst(settingAt(key, recipe)!.label)} ${valueInWords(value)}`];
  });
  const { label } = objectives[terms[index]!.kind];
  return words.length > 0 ? `${label}: ${words.join(", ")}` : label;
}

/**
 * What a recipe says, setting by setting, without those that are empty or have no effect; and in what arithmetic an arm of its run computes, if there is
 * one.
 */
export function recipeInWords(recipe: Recipe, arm?: Pick<RunDetails, "recipe" | "arithmetic">): { key: string; label: string; value: string }[] {
  const settings = recipeSettings(recipe)
    .filter(({ setting, value }) => value !== null && (setting.applies?.to((key) => valueAt(recipe, key)) ?? true))
    .map(({ key, setting, value }) => ({ key, label: labelOf(key, recipe), value: valueOfSetting(setting, value) }));
  return arm ? [...settings, { key: "arithmetic", label: "Arithmetic", value: arithmeticInWords(arm) }] : settings;
}

/** A choice by its label, a number with its unit: "64 images", "1 epoch". */
function valueOfSetting(setting: Setting, value: SettingValue): string {
  if (setting.kind === "choice") return setting.choices.find((choice) => choice.value === value)?.label ?? String(value);
  const unit = value === 1 ? setting.unit?.replace(/(?<=ch)es$|s$/, "") : setting.unit;
  return unit ? `${valueInWords(value)} ${unit}` : valueInWords(value);
}

/** How two arms differ in these keys: "learning rate 0.001 for the control, 0.0001 for the student". */
export function differencesInWords(keys: readonly string[], control: Recipe, student: Recipe): string {
  return keys
    .map(
      (key) =>
        `${lowerFirst(settingAt(key, student)?.label ?? key)} ${valueInWords(valueAt(control, key))} for the control, ${valueInWords(valueAt(student, key))} for the student`,
    )
    .join("; ");
}

/** What the control of a recipe does differently besides having no teacher; null if nothing. */
export function tunedSeparately(recipe: Recipe): string | null {
  const control = { ...recipe, train: { ...recipe.train, ...recipe.control?.train } };
  const keys = differingSettings(control, recipe);
  return keys.length > 0 ? differencesInWords(keys, control, recipe) : null;
}

function valueInWords(value: SettingValue | undefined): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  return textOfValue(value);
}

/** 1 - 0.7 -> 0.3: without the dust of binary fractions. */
export const rounded = (value: number): number => Number(value.toPrecision(12));

/** "Soft labels" -> "soft labels"; a name such as "ViT" stays. */
const lowerFirst = (text: string): string => text.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase());
