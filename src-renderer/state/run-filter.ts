/** The filter of the list of runs: words that a run's name, note, folder, state or settings contain, and conditions such as alpha=0.5. */
import type { RunRow } from "./run-rows";
import type { Cells } from "./run-settings";
import { baseName } from "./words";

export interface Filtered {
  row: RunRow;
  cells: Cells;
}

type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=";
interface Condition {
  name: string;
  operator: Operator;
  wanted: string;
}

/** What is looked at besides settings. */
const FIGURES: { readonly [name: string]: (row: RunRow) => number | string | null } = {
  state: ({ state }) => state,
  kind: ({ kind }) => kind,
  seeds: ({ summary }) => summary?.seeds.length ?? null,
  gain: ({ summary }) => (summary ? 100 * summary.difference : null),
  control: ({ accuracy }) => (accuracy.control ? 100 * accuracy.control.testAcc : null),
  student: ({ accuracy }) => (accuracy.student ? 100 * accuracy.student.testAcc : null),
};

/** Those that all parts of the text match; `unknown`: names in conditions that no run has. */
export function filtered<T extends Filtered>(all: readonly T[], text: string): { found: T[]; unknown: string[] } {
  const parts = text.trim().split(/\s+/).filter(Boolean).map(partOf);
  const unknown = parts.flatMap((part) =>
    typeof part === "string" || all.length === 0 || all.some((one) => looked(part.name, one) !== undefined) ? [] : [part.name],
  );
  return { found: all.filter((one) => parts.every((part) => (typeof part === "string" ? contains(one, part) : holds(part, one)))), unknown };
}

function partOf(text: string): string | Condition {
  const parsed = /^([\w.α-]+)(<=|>=|!=|=|<|>)(.+)$/u.exec(text);
  return parsed ? { name: plain(parsed[1]!), operator: parsed[2] as Operator, wanted: parsed[3]!.toLowerCase() } : text.toLowerCase();
}

/** "Learning rate" and "train.learningRate" are both found by "learningrate". */
const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}.]/gu, "");

function contains({ row, cells }: Filtered, word: string): boolean {
  const texts = [
    row.name,
    row.about.note,
    baseName(row.directory),
    row.state,
    ...[...cells.values()].filter(({ value }) => typeof value === "string").map(({ text }) => text),
  ];
  return texts.some((text) => text.toLowerCase().includes(word));
}

/** undefined where a run has no such setting or figure. */
function looked(name: string, { row, cells }: Filtered): { value: unknown; text: string } | undefined {
  const figure = Object.hasOwn(FIGURES, name) ? FIGURES[name]! : null;
  if (figure) return { value: figure(row), text: String(figure(row) ?? "–") };
  for (const cell of cells.values()) if (isCalled(cell, name)) return cell;
  return undefined;
}

function isCalled({ key, label }: { key: string; label: string }, name: string): boolean {
  const names = [key, key.split(".").at(-1)!, label, ...(ALSO[key] ?? [])];
  return names.some((each) => plain(each) === name);
}

const ALSO: { readonly [key: string]: readonly string[] } = {
  "distillation.temperature": ["t"],
  "distillation.alpha": ["a", "α"],
  "train.learningRate": ["lr"],
  "data.labelled": ["labels"],
};

function holds({ name, operator, wanted }: Condition, one: Filtered): boolean {
  const found = looked(name, one);
  if (found === undefined || found.value === null) return operator === "!=" || (operator === "=" && wanted === "–");
  const isSame = found.text.toLowerCase() === wanted || String(found.value).toLowerCase() === wanted || Number(wanted) === found.value;
  if (operator === "=" || operator === "!=") return isSame === (operator === "=");
  if (typeof found.value !== "number") return false;
  const [its, other] = [found.value, Number(wanted)];
  return { "<": its < other, "<=": its <= other, ">": its > other, ">=": its >= other }[operator];
}
