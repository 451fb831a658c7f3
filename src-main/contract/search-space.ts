/** What a search varies: for each setting where its values come from, as `--over` takes it, and what a trial sets. Pure: random numbers are given. */
import { applySettings } from "./apply-settings";
import { checkSetting, unknownKey } from "./check-recipe";
import { UsageError } from "./failure";
import { objectives } from "./objectives";
import { parseRecipe, RecipeError } from "./parse-recipe";
import type { Recipe } from "./recipe";
import { differingSettings, hasEffect } from "./recipe-values";
import { expectation, type Setting, type SettingValue, valueFromText } from "./setting";
import { settingAt } from "./settings";

/** The values that a setting takes in a search, each with equal probability; log: each factor is as likely. Both ends belong to a range. */
export type Values = { kind: "log" | "uniform"; low: number; high: number; whole: boolean } | { kind: "choice"; choices: readonly SettingValue[] };

export interface Axis {
  key: string;
  values: Values;
}

/** What a trial sets, by key, in the order of the axes. */
export type Sample = { [key: string]: SettingValue };

/**
 * Reads "train.learningRate=log:1e-5:1e-2" and the like, for a complete recipe. Throws a UsageError that names every problem: keys that do not exist or
 * cannot be searched, values outside the setting's range, two keys that set the same.
 */
export function parseSpace(texts: readonly string[], recipe: Recipe): Axis[] {
  const problems: string[] = [];
  const axes = texts.flatMap((text) => {
    try {
      return [parseAxis(text, recipe)];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(error.message);
      return [];
    }
  });
  if (problems.length === 0) problems.push(...overlaps(axes, recipe), ...withoutEffect(axes, recipe));
  if (problems.length > 0) throw new UsageError(problems);
  return axes;
}

function parseAxis(text: string, recipe: Recipe): Axis {
  const at = text.indexOf("=");
  const [key, range] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  const refused = (problem: string) => new UsageError(`--over ${key}: ${problem}`);
  const setting = settingAt(key, recipe);
  if (!setting) throw new UsageError(`--over ${unknownKey(key, recipe)}`);
  const unfit = Object.entries(UNFIT).find(([beginning]) => key === beginning || key.startsWith(`${beginning}.`));
  if (unfit) throw refused(unfit[1]);
  const [kind, rest] = splitOnce(range, ":");
  if (kind !== "log" && kind !== "uniform" && kind !== "choice") throw refused(`expected ${examplesOf(setting)}, got "${range}"`);
  const problem = (value: SettingValue) => checkSetting(key, value, recipe);
  const values = kind === "choice" ? choicesIn(rest, setting) : rangeIn(kind, rest, setting, refused);
  for (const value of endsOf(values)) {
    if (value === "auto") throw refused("auto stands for one of the others, whichever is best on this machine; name those to be tried");
    const found = problem(value);
    if (found) throw refused(found);
    expectApplicable(key, value, recipe);
  }
  return { key, values };
}

/** What may be written after the key of a setting. */
function examplesOf(setting: Setting): string {
  if (setting.kind === "number" || setting.kind === "integer") return "log:LOW:HIGH, uniform:LOW:HIGH or choice:VALUE,VALUE";
  return setting.kind === "choice" ? `choice: with some of ${setting.choices.map(({ value }) => value).join(",")}` : "choice:VALUE,VALUE";
}

/** Settings that a search cannot choose, and why. */
const UNFIT: { readonly [key: string]: string } = {
  data: "the trials of a search are judged on the same images; search over other settings",
  "train.seed": "seeds differ by chance alone, so none is better; search over other settings",
  "train.bf16Products": "all trials of a search multiply alike; set it for all of them with --set",
  "train.batches": "all trials of a search have the same number of batches, that of --batches",
  control: "a trial trains the student alone, so the control's settings have no effect",
  name: "it has no effect on the result",
  device: "it has no effect on what is learned",
};

function choicesIn(text: string, setting: Setting): Values {
  return { kind: "choice", choices: text.split(",").map((each) => valueFromText(setting, each)) };
}

function rangeIn(kind: "log" | "uniform", text: string, setting: Setting, refused: (problem: string) => UsageError): Values {
  if (setting.kind !== "integer" && setting.kind !== "number")
    throw refused(`${kind} takes numbers, and this setting is ${expectation(setting)}; expected choice: with values after it`);
  const ends = text.split(":").map((each) => (each.trim() === "" ? Number.NaN : Number(each)));
  const [low, high] = ends as [number, number];
  const form = `${kind}:LOW:HIGH with two ${setting.kind === "integer" ? "whole numbers" : "numbers"}, the lower one first`;
  if (ends.length !== 2 || !(low < high)) throw refused(`expected ${form}, got "${kind}:${text}"`);
  if (kind === "log" && low <= 0) throw refused(`log takes numbers above 0, got "${text}"; uniform begins at 0 too`);
  return { kind, low, high, whole: setting.kind === "integer" };
}

const endsOf = (values: Values): readonly SettingValue[] => (values.kind === "choice" ? values.choices : [values.low, values.high]);

/** Throws a UsageError if the recipe would be wrong with this value alone. */
function expectApplicable(key: string, value: SettingValue, recipe: Recipe): void {
  try {
    withSample(recipe, { [key]: value });
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    throw new UsageError(error.problems.map((problem) => `--over ${key}: with ${value}, ${problem}`));
  }
}

/** Settings that have no effect, whatever the others take. */
function withoutEffect(axes: readonly Axis[], recipe: Recipe): string[] {
  return axes.flatMap(({ key }) => {
    const setting = settingAt(key, recipe)!;
    const others = axes
      .filter((other) => other.key !== key)
      .flatMap((other) => endsOf(other.values).map((value) => withSample(recipe, { [other.key]: value })));
    if ([recipe, ...others].some((each) => hasEffect(setting, each))) return [];
    return [`--over ${key}: has no effect here, as it is for ${setting.applies!.text} only`];
  });
}

/** Keys that are twice there, under one name or two: temperature and alpha of a short form are settings of its term too. */
function overlaps(axes: readonly Axis[], recipe: Recipe): string[] {
  const setBy = new Map<string, string>();
  return axes.flatMap(({ key, values }) => {
    const touched = new Set(endsOf(values).flatMap((value) => differingSettings(recipe, withSample(recipe, { [key]: value }))));
    const other = [...touched].map((each) => setBy.get(each)).find((each) => each !== undefined);
    for (const each of touched) setBy.set(each, key);
    if (other === undefined) return [];
    return [other === key ? `--over ${key}: is given twice` : `--over ${key}: sets what ${other} sets too; leave one of them out`];
  });
}

/** The recipe of a trial. Throws a RecipeError if its settings contradict each other. */
export function withSample(recipe: Recipe, sample: Sample): Recipe {
  return parseRecipe(applySettings(recipe, assignmentsOf(sample)));
}

/** What `--set` takes to set a sample: "train.learningRate=0.00031". */
export function assignmentsOf(sample: Sample): string[] {
  return Object.entries(sample).map(([key, value]) => `${key}=${value}`);
}

/** Draws what a trial sets. `uniform` gives a number in 0 ... 1 (exclusive) for each key. Numbers have three digits, so that what is shown is what was trained. */
export function sampleOf(axes: readonly Axis[], uniform: (key: string) => number): Sample {
  return Object.fromEntries(axes.map(({ key, values }) => [key, valueIn(values, uniform(key))]));
}

function valueIn(values: Values, u: number): SettingValue {
  if (values.kind === "choice") return values.choices[Math.floor(u * values.choices.length)]!;
  const { kind, low, high, whole } = values;
  // Of whole numbers each has the stretch up to the next one.
  const end = whole ? high + 1 : high;
  const drawn = kind === "log" ? Math.exp(Math.log(low) + u * Math.log(end / low)) : low + u * (end - low);
  return Math.min(high, Math.max(low, whole ? Math.floor(drawn) : Number(drawn.toPrecision(3))));
}

// ---- Without --over ---------------------------------------------------------------------------------------------------------------

/**
 * What a search varies by default, as texts: the article's three, learning rate, temperature and alpha, where the distillation is soft labels alone. In other sums
 * the temperature and weight of their soft term, or the weight of their first, up to ten times more or less; without a distillation the learning rate alone.
 */
export function defaultSpace({ distillation }: Recipe): string[] {
  const rate = "train.learningRate=log:1e-5:1e-2";
  if (!distillation) return [rate];
  const { terms } = distillation;
  const soft = terms.findIndex(({ kind }) => kind === "soft");
  if (soft === 0 && terms.length === 1) return [rate, "distillation.temperature=log:0.1:10", "distillation.alpha=uniform:0:1"];
  const index = Math.max(soft, 0);
  const { kind, weight } = terms[index]!;
  const middle = weight > 0 ? weight : objectives[kind].weight;
  const temperature = soft < 0 ? [] : [`distillation.terms.${index}.temperature=log:0.1:10`];
  return [rate, ...temperature, `distillation.terms.${index}.weight=log:${tidy(middle / 10)}:${tidy(Math.min(10 * middle, 1e6))}`];
}

const tidy = (value: number) => Number(value.toPrecision(3));

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
