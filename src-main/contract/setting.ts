/**
 * What a setting is: a row of the tables in `settings.ts` and `objectives.ts`. Types, defaults, checks, `--set` values, the fields of the
 * form, what a resumed run may change, and the page docs/settings.md all follow from these rows.
 */

import { modelNames } from "./families";

export type SettingValue = string | number | boolean | readonly number[] | null;

/** Looks up another value of the same recipe; undefined if its section is null. */
export type ValueLookup = (key: string) => SettingValue | undefined;

interface Described {
  label: string;
  /** One sentence. */
  help: string;
  unit?: string;
  /** Heading under which the form shows the setting; default: its section's label. */
  group?: string;
  /** Shown by the form only on request. */
  advanced?: boolean;
  /** May change when a run is resumed: names and paths, whose content is compared by hash, and whatever changes no bit of the result. */
  resumable?: boolean;
  /** When the setting has an effect; always, if left out. */
  applies?: { text: string; to: (value: ValueLookup) => boolean };
}

export interface NumberKind {
  kind: "integer" | "number";
  min: number;
  max: number;
}
export interface ChoiceKind {
  kind: "choice";
  choices: readonly { value: string; label: string }[];
}
export interface FlagKind {
  kind: "flag";
}
export interface TextKind {
  /** model: a name of the registry; folder, file: a path, or one of the `words`. */
  kind: "text" | "model" | "folder" | "file";
  words?: readonly string[];
}
/** Three numbers, for red, green and blue. */
export interface TripleKind {
  kind: "triple";
  min: number;
  max: number;
}

/** A default is a value, a rule that derives it from the section's `model`, or nothing where the recipe must name it. */
type DefaultOf<V> = { default: V } | { defaultOf: (model: string) => V } | { required: true };

/** A row with a value of any type. */
export type Setting = Described & DefaultOf<SettingValue> & { nullable?: boolean } & (NumberKind | ChoiceKind | FlagKind | TextKind | TripleKind);
/** A row that knows the type of its value: `value`, which exists only for the compiler. */
export type Row<V> = Setting & { readonly value?: V };
export type ValueOf<R> = R extends Row<infer V> ? V : never;

type Options<V, N extends boolean> = Described & DefaultOf<N extends true ? V | null : V> & { nullable?: N };
type Nullable<V, N extends boolean> = Row<N extends true ? V | null : V>;

const row = <V>(kind: NumberKind | ChoiceKind | FlagKind | TextKind | TripleKind, options: object) => ({ ...kind, ...options }) as unknown as Row<V>;

export const integer = <N extends boolean = false>(min: number, max: number, options: Options<number, N>): Nullable<number, N> =>
  row({ kind: "integer", min, max }, options);
export const number = <N extends boolean = false>(min: number, max: number, options: Options<number, N>): Nullable<number, N> =>
  row({ kind: "number", min, max }, options);
export const triple = <N extends boolean = false>(
  min: number,
  max: number,
  options: Options<[number, number, number], N>,
): Nullable<[number, number, number], N> => row({ kind: "triple", min, max }, options);
export const flag = (options: Options<boolean, false>): Row<boolean> => row({ kind: "flag" }, options);
export const text = <N extends boolean = false>(options: Options<string, N>): Nullable<string, N> => row({ kind: "text" }, options);
export const model = (options: Options<string, false>): Row<string> => row({ kind: "model" }, options);
export const path = <N extends boolean = false>(kind: "folder" | "file", words: readonly string[], options: Options<string, N>): Nullable<string, N> =>
  row({ kind, words }, options);
export const choice = <const C extends readonly { value: string; label: string }[]>(
  choices: C,
  options: Options<C[number]["value"], false>,
): Row<C[number]["value"]> => row({ kind: "choice", choices }, options);

/** Parses a value given as text by a flag or form field. Text of another kind stays text, so that the check can report it. */
export function valueFromText(setting: Setting, text: string): SettingValue {
  if (setting.nullable && text === "null") return null;
  switch (setting.kind) {
    case "flag":
      return text === "true" || text === "false" ? text === "true" : text;
    case "integer":
    case "number":
      return isNumber(text) ? Number(text) : text;
    case "triple": {
      // With or without the brackets that it has in a file.
      const parts = text
        .trim()
        .replace(/^\[(.*)\]$/, "$1")
        .split(",");
      return parts.every(isNumber) ? parts.map(Number) : text;
    }
    default:
      return text;
  }
}

/** The text that `valueFromText` parses to this value. */
export function textOfValue(value: SettingValue): string {
  if (Array.isArray(value)) return value.join(", ");
  // 1 - 0.7 is 0.30000000000000004; 12 digits are more than anyone sets.
  return typeof value === "number" ? String(Number(value.toPrecision(12))) : String(value);
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && !Number.isNaN(Number(text));
}

export function sameValue(a: SettingValue | undefined, b: SettingValue | undefined): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** What a setting accepts, to follow the word "expected": "an integer from 1 to 10000". */
export function expectation(setting: Setting): string {
  const words = [kindInWords(setting), ...(setting.nullable ? ["null"] : [])];
  return words.join(" or ");
}

function kindInWords(setting: Setting): string {
  switch (setting.kind) {
    case "integer":
      return `an integer from ${setting.min} to ${setting.max}`;
    case "number":
      return `a number from ${setting.min} to ${setting.max}`;
    case "triple":
      return `three numbers from ${setting.min} to ${setting.max}, for red, green and blue, as in 0.5,0.5,0.5`;
    case "choice":
      return setting.choices.length > 1 ? `one of ${setting.choices.map(({ value }) => value).join(", ")}` : `${setting.choices[0]?.value}`;
    case "flag":
      return "true or false";
    case "model":
      return `the name of a model (${modelNames.join(", ")})`;
    case "text":
      return "a text";
    case "folder":
    case "file":
      return [...(setting.words ?? []).map((word) => `"${word}"`), `the path of a ${setting.kind}`].join(" or ");
  }
}
