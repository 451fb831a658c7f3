/** What keeps the form from being a recipe: said of a field, in the form's words, with what settles it. */
import { checkValue } from "../../src-main/contract/check-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import { type Setting, valueFromText } from "../../src-main/contract/setting";
import { labelOf } from "./form";
import { count } from "./words";

export interface FieldProblem {
  /** Of the field that it is about. */
  key: string;
  words: string;
}

/** A button that settles a problem: it sets a field. */
export interface FieldRemedy {
  label: string;
  key: string;
  text: string;
}

/** Why a text is no value of a setting; null if it is one. */
export function typingProblem(setting: Setting, text: string): string | null {
  if (setting.kind === "text" && text.trim() === "") return "enter a name";
  const problem = checkValue(setting, setting.nullable && text === "" ? null : valueFromText(setting, text));
  if (!problem) return null;
  if (setting.kind !== "integer" && setting.kind !== "number") return inFormWords(problem);
  const { min, max } = setting;
  return `enter a ${setting.kind === "integer" ? "whole number" : "number"} from ${grouped(min)} to ${grouped(max)}${setting.nullable ? ", or nothing" : ""}`;
}

/** 10000 -> "10,000"; fractions stay as they are. */
const grouped = (value: number): string => (Number.isInteger(value) ? count(value) : String(value));

/** "student.imageSize: expected ..." -> its key and the rest, with fields named as the form does; each problem of a recipe begins with a key. */
export function contradictionIn(problem: string, recipe: Recipe): FieldProblem {
  const [, key, words] = /^([\w.]+): (.*)$/s.exec(problem)!;
  return { key: key!, words: inFormWords(words!.replace(/\b[a-z]+(\.\w+)+/gi, (other) => labelOf(other, recipe))) };
}

/** What settles a contradiction at this field for certain; null where a person has to choose. */
export function remedyOf(key: string): FieldRemedy | null {
  return /^(control\.)?train\.warmupEpochs$/.test(key) ? { label: "Set warm-up to 0", key, text: "0" } : null;
}

/** What is null in a file is an empty field here. */
const inFormWords = (problem: string): string => problem.replace(/\b(expected|or|got) null\b/g, "$1 an empty field").replace(/\bis null\b/g, "is empty");
