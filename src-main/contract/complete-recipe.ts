/** Fills in what a checked recipe leaves out. */
import { isSum } from "./check-recipe";
import { shortForm, type Term, termSettings } from "./objectives";
import type { Recipe } from "./recipe";
import { distillationRows, isNullableSection, isSetting, type Tree, tree } from "./recipe-tree";
import { isObject, type Json } from "./recipe-values";
import type { Setting, SettingValue } from "./setting";
import { otherTeacherRows } from "./settings";

/** A checked recipe gets defaults for what it leaves out. */
export function complete(json: Json): Recipe {
  const recipe: Json = { version: 1 };
  for (const [name, branch] of Object.entries(tree))
    recipe[name] = isSetting(branch) ? (json[name] ?? defaultOf(branch, "")) : completeSection(name, branch, json[name]);
  return recipe as unknown as Recipe;
}

function completeSection(name: string, branch: Tree, given: unknown): Json | null {
  if (isNullableSection(name) && !isObject(given)) return null;
  const values = (given ?? {}) as Json;
  if (name === "control") return { train: {}, ...values };
  if (name === "distillation") return completeDistillation(values);
  const complete = completeModel(branch as { [name: string]: Setting }, values);
  const others = name === "teacher" ? ((values.others ?? []) as Json[]) : [];
  return others.length > 0 ? { ...complete, others: others.map((other) => completeModel(otherTeacherRows, other)) } : complete;
}

/** A section whose defaults may follow from its model. */
function completeModel(rows: { readonly [name: string]: Setting }, values: Json): Json {
  const model = (values.model ?? (rows.model && defaultOf(rows.model, ""))) as string;
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, values[name] ?? defaultOf(row, model)]));
}

function completeDistillation(given: Json): Json {
  return isSum(given) ? { ...completeRows(given), terms: (given.terms as Json[]).map(completeTerm) } : expandShortForm(given);
}

/** The sum that a checked short form stands for. */
export function expandShortForm({ temperature, alpha, ...beside }: Json): Json {
  const weight = (alpha ?? defaultOf(shortForm.alpha!, "")) as number;
  return { ...completeRows(beside), labels: 1 - weight, terms: [completeTerm({ kind: "soft", weight, temperature })] };
}

/** What a distillation has besides its terms. */
function completeRows(given: Json): Json {
  return Object.fromEntries(Object.entries(distillationRows).map(([name, row]) => [name, given[name] ?? defaultOf(row, "")]));
}

function completeTerm(given: Json): Json {
  const rows = termSettings(given.kind as Term["kind"]);
  return {
    kind: given.kind,
    ...Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, given[name] === undefined ? defaultOf(row, "") : given[name]])),
  };
}

function defaultOf(setting: Setting, model: string): SettingValue {
  if ("default" in setting) return setting.default;
  if ("defaultOf" in setting) return setting.defaultOf(model);
  throw new Error(`a required setting (${setting.label}) has no default`);
}
