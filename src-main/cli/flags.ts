import { InvalidArgumentError } from "commander";
import { checkSetting } from "../contract/check-recipe";
import { type SettingValue, valueFromText } from "../contract/setting";
import { settingAt } from "../contract/settings";

/** Reads a flag that stands for a key of the recipe, with the type and range of that key. */
export function likeSetting<V extends SettingValue>(key: string): (text: string) => V {
  return (text) => {
    const value = valueFromText(settingAt(key)!, text);
    const problem = checkSetting(key, value);
    if (problem) throw new InvalidArgumentError(problem);
    return value as V;
  };
}

/** Reads a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}, got "${text}"`);
    return value;
  };
}

/** Reads a number above 0, and at most `max`. */
export function numberUpTo(max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value > 0 && value <= max)) throw new InvalidArgumentError(`expected a number above 0, and at most ${max}, got "${text}"`);
    return value;
  };
}

/** Reads whole numbers from `min` on, with commas between them. */
export function wholeNumbers(min: number): (text: string) => number[] {
  return (text) => {
    const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (values.some((value) => !Number.isSafeInteger(value) || value < min))
      throw new InvalidArgumentError(`expected whole numbers from ${min} on, as in 250,500,1000, got "${text}"`);
    return values;
  };
}

/** Collects the values of a flag that may be repeated. */
export function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
