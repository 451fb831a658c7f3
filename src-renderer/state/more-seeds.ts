/** How many seeds a sweep may get. */
import type { ComparisonSummary } from "../../src-main/contract/run";
import { MOST_SEEDS } from "../../src-main/contract/statistics";

/** So many more are offered where the result asks for none. */
const SOME_MORE = 2;

/** As many as would show a difference, if more would; otherwise a few. */
export const suggestedSeeds = ({ moreSeeds, seeds }: ComparisonSummary): number => Math.min(Math.max(moreSeeds ?? SOME_MORE, 1), MOST_SEEDS - seeds.length);

/** The number in a text; null if it is none, or more than a sweep may still get. */
export function seedsIn(text: string, { seeds }: ComparisonSummary): number | null {
  const count = /^\s*\d+\s*$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MOST_SEEDS - seeds.length ? count : null;
}
