/** What runs were trained with, side by side: the settings that differ, and what one run changes against another. */
import type { Recipe } from "../../src-main/contract/recipe";
import { hasEffect, keyAsWritten, recipeSettings, valueAsWritten } from "../../src-main/contract/recipe-values";
import { type Setting, type SettingValue, sameValue, textOfValue } from "../../src-main/contract/setting";
import { settingAt } from "../../src-main/contract/settings";
import { labelOf } from "./form";
import type { RunRow } from "./run-rows";
import { baseName } from "./words";

/** A setting as a run has it. */
export interface Cell {
  key: string;
  label: string;
  /** For sorting and filtering; null where it is empty. */
  value: SettingValue;
  /** As it is shown. */
  text: string;
  /** Whether the comparisons or trials of the run have several values. */
  isVaried?: boolean;
}
export type Cells = ReadonlyMap<string, Cell>;

/** A column of the table, or a setting of the filter. */
export interface SettingColumn {
  key: string;
  label: string;
  isNumber: boolean;
}

/** Shown otherwise, or of no effect on what is learned. */
const LEFT_OUT = new Set(["name", "train.seed", "data.format", "data.skipUnreadable", "distillation.cacheTeacher"]);

/** Settings without effect are left out. */
export function cellsOf(recipe: Recipe): Cells {
  const cells = new Map<string, Cell>();
  for (const { key, setting } of recipeSettings(recipe)) {
    const written = keyAsWritten(key, recipe, recipe);
    const shown = TEMPERATURE.test(key) ? "distillation.temperature" : written;
    // The labels' weight in the short form is what alpha leaves.
    if (LEFT_OUT.has(key) || cells.has(shown) || !hasEffect(setting, recipe)) continue;
    const value = valueAsWritten(written, recipe) ?? null;
    const row = settingAt(written, recipe) ?? setting;
    cells.set(shown, { key: shown, label: labelOf(written, recipe), value, text: textOf(row, value) });
  }
  return cells;
}

/** That of the first term, whatever its kind: one column for all of them. */
const TEMPERATURE = /^distillation\.terms\.0\.temperature$/;

function textOf(setting: Setting, value: SettingValue): string {
  if (value === null) return "–";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (setting.kind === "choice") return setting.choices.find((choice) => choice.value === value)?.label ?? String(value);
  return setting.kind === "file" || setting.kind === "folder" ? baseName(String(value)) : textOfValue(value);
}

/** The same recipe is read once, however often the list comes anew. */
const read = new Map<string, Cells>();
const MOST_READ = 5000;

/** What a run was trained with. A sweep has several values where it varies one, and a search what it varies. */
export function cellsOfRow({ recipe, byLabels, search }: Pick<RunRow, "recipe" | "byLabels" | "search">): Cells {
  if (!recipe) return new Map();
  const key = JSON.stringify(recipe);
  if (!read.has(key)) {
    if (read.size >= MOST_READ) read.clear();
    read.set(key, cellsOf(recipe));
  }
  const varied = [
    ...(byLabels.length > 1 ? [{ key: "data.labelled", text: `${byLabels[0]!.labelled} … ${byLabels.at(-1)!.labelled}` }] : []),
    ...Object.keys(search?.trials[0]?.settings ?? {}).map((each) => ({ key: each, text: "searched" })),
  ];
  if (varied.length === 0) return read.get(key)!;
  const cells = new Map(read.get(key)!);
  // A search gives its trials validation images and an end of its own.
  for (const own of search ? ["data.validation", "train.batches"] : []) cells.delete(own);
  for (const { key, text } of varied) {
    const label = cells.get(key)?.label ?? settingAt(key, recipe)?.label ?? key;
    cells.set(key, { key, label, value: text, text, isVaried: true });
  }
  return cells;
}

/** The settings in which these runs differ, in the order of the tables of settings. */
export function differingColumns(all: readonly Cells[]): SettingColumn[] {
  const recipes = all.filter((cells) => cells.size > 0);
  const columns = new Map<string, SettingColumn & { values: Set<string> }>();
  for (const cells of recipes)
    for (const { key, label, value, isVaried } of cells.values()) {
      const column = columns.get(key) ?? { key, label, isNumber: true, values: new Set<string>() };
      columns.set(key, column);
      column.values.add(JSON.stringify(value));
      column.isNumber &&= typeof value === "number" || value === null || isVaried === true;
    }
  const differing = [...columns.values()].filter(({ key, values }) => values.size > 1 || recipes.some((cells) => !cells.has(key)));
  return disambiguated(differing.map(({ key, label, isNumber }) => ({ key, label, isNumber })));
}

/** Two columns of one label say which part of the recipe each is of: "Image size (teacher)". */
function disambiguated(columns: readonly SettingColumn[]): SettingColumn[] {
  const isShared = (label: string) => columns.filter((column) => column.label === label).length > 1;
  return columns.map((column) => (isShared(column.label) ? { ...column, label: `${column.label} (${column.key.split(".")[0]})` } : column));
}

/** Those columns that tell most runs apart, at most so many, in their order. */
export function tellingColumns(columns: readonly SettingColumn[], all: readonly Cells[], most: number): SettingColumn[] {
  const distinct = ({ key }: SettingColumn) => new Set(all.map((cells) => cells.get(key)?.text ?? "")).size;
  const chosen = new Set([...columns].sort((a, b) => distinct(b) - distinct(a)).slice(0, most));
  return columns.filter((column) => chosen.has(column));
}

/** In what a run differs from another: "Temperature 4 → 8". */
export function changesInWords(from: Cells, to: Cells): string[] {
  const keys = [...new Set([...from.keys(), ...to.keys()])];
  const changed = keys.filter((key) => !sameValue(from.get(key)?.value, to.get(key)?.value));
  return changed.map((key) => {
    const { label } = (to.get(key) ?? from.get(key))!;
    return `${SHORT[key] ?? label} ${from.get(key)?.text ?? "–"} → ${to.get(key)?.text ?? "–"}`;
  });
}

/** The field's letters. */
const SHORT: { readonly [key: string]: string } = { "distillation.temperature": "T", "distillation.alpha": "α" };
