/** The trials of a search as dots over one of the settings that it varied. */
import type { SearchInBrief } from "../../src-main/contract/run-folder";
import { ranked } from "../../src-main/contract/search";
import { textOfValue } from "../../src-main/contract/setting";

export interface SearchDots {
  points: { x: number; y: number; name: string }[];
  best: { x: number; y: number; name: string }[];
  /** Values of a setting that is no number, in the order of x; null where it is one. */
  names: string[] | null;
  isLog: boolean;
  diverged: number;
}

/** Values that reach over so many times the smallest are drawn by factors. */
const WIDE = 30;

/** The settings that a search varied. */
export const variedIn = ({ trials }: SearchInBrief): string[] => Object.keys(trials[0]?.settings ?? {});

export function dotsOf({ trials }: SearchInBrief, key: string): SearchDots {
  const values = trials.map(({ settings }) => settings[key] ?? null);
  const isNumber = values.every((value) => typeof value === "number");
  const names = isNumber ? null : [...new Set(values.map(textOfValue))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const place = (index: number) => (names ? names.indexOf(textOfValue(values[index]!)) : (values[index] as number));
  const dots = trials.flatMap(({ trial, valAcc }, index) => (valAcc === null ? [] : [{ trial, x: place(index), y: valAcc, name: `Trial ${trial}` }]));
  const best = ranked(trials).find(({ valAcc }) => valAcc !== null)?.trial;
  const numbers = isNumber ? (values as number[]) : [];
  const withoutTrial = ({ x, y, name }: (typeof dots)[number]) => ({ x, y, name });
  return {
    points: dots.filter(({ trial }) => trial !== best).map(withoutTrial),
    best: dots.filter(({ trial }) => trial === best).map(withoutTrial),
    names,
    isLog: numbers.length > 1 && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) > WIDE,
    diverged: trials.length - dots.length,
  };
}
