/** A run beside the baseline: what its recipe changes, and how much better its student is. */
import { signedPoints } from "../../src-main/contract/comparison";
import { type Interval, pairedInterval } from "../../src-main/contract/statistics";
import type { Filtered } from "./run-filter";
import type { RunRow } from "./run-rows";
import { changesInWords } from "./run-settings";

export interface Comparison {
  /** "T 4 → 8" */
  changes: string[];
  /** Of the students' test accuracies, in a fraction; null where they do not compare. */
  difference: number | null;
  /** With 95 % confidence; null where it is not known. */
  interval: Interval | null;
  /** Why a difference has no interval, in a few words; null where it has one, and without a difference. */
  noInterval: string | null;
  /** Why there is no difference, or what the interval is over. */
  how: string;
}

/** Settings that say which images a student is tested on. */
export const TESTED_ON = ["data.path", "data.testLimit", "data.testShare", "data.splitSeed"];
/** Of the normal distribution, for 95 %. */
const Z = 1.96;

export function againstBaseline(baseline: Filtered, one: Filtered): Comparison {
  const changes = changesInWords(baseline.cells, one.cells);
  const [its, own] = [testedBySeed(baseline.row), testedBySeed(one.row)];
  if (its.size === 0 || own.size === 0)
    return { changes, difference: null, interval: null, noInterval: null, how: "One of the two has no finished run to compare" };
  if (TESTED_ON.some((key) => baseline.cells.get(key)?.text !== one.cells.get(key)?.text))
    return { changes, difference: null, interval: null, noInterval: null, how: "Tested on other images than the baseline: their accuracies do not compare" };
  const common = [...own.keys()].filter((seed) => its.has(seed));
  if (common.length > 1) {
    const differences = common.map((seed) => own.get(seed)! - its.get(seed)!);
    const interval = pairedInterval(differences);
    return {
      changes,
      difference: meanOf(differences),
      interval,
      noInterval: null,
      how: `Students of the ${common.length} seeds that both have; the interval is Student’s t of their differences`,
    };
  }
  const [first, second] = [meanOf([...its.values()]), meanOf([...own.values()])];
  const images = [baseline.row, one.row].map(({ summary }) => summary?.testImages ?? null);
  const isSingle = its.size === 1 && own.size === 1 && images.every((count) => count !== null);
  const half = Z * Math.sqrt((first * (1 - first)) / images[0]! + (second * (1 - second)) / images[1]!);
  return {
    changes,
    difference: second - first,
    noInterval: isSingle ? null : whyNoInterval(own.size, its.size),
    interval: isSingle ? [second - first - half, second - first + half] : null,
    how: isSingle
      ? `One seed each: the interval covers the choice of the ${images[1]} test images alone, and is wider than one by paired answers`
      : "No interval: the two have no two seeds in common, or keep no answers to test images",
  };
}

/** "3 seeds against 1" */
function whyNoInterval(own: number, its: number): string {
  if (own === 1 && its === 1) return "its answers to the test images are not kept";
  return own === its ? "no two seeds in common" : `${own} ${own === 1 ? "seed" : "seeds"} against ${its}`;
}

/** "+0.6 points (95 %: −0.4 to +1.6)", "+0.6 points (no interval: 3 seeds against 1)" */
export function differenceInWords({ difference, interval, noInterval }: Pick<Comparison, "difference" | "interval" | "noInterval">): string | null {
  if (difference === null) return null;
  const aside = interval ? ` (95 %: ${signedPoints(interval[0])} to ${signedPoints(interval[1])})` : noInterval ? ` (no interval: ${noInterval})` : "";
  return `${signedPoints(difference)} points${aside}`;
}

/** Test accuracy of the student, or of the one model, of each finished run, by its seed. */
function testedBySeed({ kind, groups }: RunRow): Map<number, number> {
  if (kind === "labels" || kind === "search") return new Map();
  return new Map(
    groups.flatMap(({ state, arms, damage }) => {
      const taught = arms.find(({ arm }) => arm === "student" || arm === "single");
      const isWhole = state === "finished" && damage === null && taught?.testAcc != null && taught.recipe;
      return isWhole ? [[taught.recipe!.train.seed, taught.testAcc!] as const] : [];
    }),
  );
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
