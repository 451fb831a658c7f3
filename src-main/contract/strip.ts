/** Where the marks of a result lie on a strip of points, for report and app: no difference, the mean, its interval, and each seed. */
import { signedPoints } from "./comparison";
import type { DifferenceSummary } from "./run";
import { hasWidth } from "./statistics";

/** Places are shares of the strip's width, 0 ... 1. */
export interface Strip {
  zero: number;
  mean: number;
  /** null if the interval is not known or has no width. */
  interval: [low: number, high: number] | null;
  /** One for each seed, if there are several. */
  seeds: number[];
  ticks: { at: number; label: string }[];
  /** The same in words. */
  words: string;
}

/** Kept free at both ends, as a share of what is shown. */
const MARGIN = 0.1;
const MOST_TICKS = 7;

export function stripOf({ difference, differences, interval: known }: Pick<DifferenceSummary, "difference" | "differences" | "interval">): Strip {
  const interval = known && hasWidth(known) ? known : null;
  const shown = [0, difference, ...differences, ...(interval ?? [])];
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const span = Math.max(high - low, SMALLEST_SPAN);
  const [from, width] = [(low + high - span) / 2 - MARGIN * span, (1 + 2 * MARGIN) * span];
  const place = (value: number) => (value - from) / width;
  const seeds = differences.length > 1 ? differences : [];
  return {
    zero: place(0),
    mean: place(difference),
    interval: interval && [place(interval[0]), place(interval[1])],
    seeds: seeds.map(place),
    ticks: ticksWithin(from, from + width).map((value) => ({ at: place(value), label: value === 0 ? "0" : signedWhole(value) })),
    words: wordsOf(difference, interval, seeds),
  };
}

/** A fifth of a point. */
const SMALLEST_SPAN = 0.002;

function wordsOf(difference: number, interval: readonly [number, number] | null, seeds: readonly number[]): string {
  const range = interval ? `, with 95 % confidence between ${signedPoints(interval[0])} and ${signedPoints(interval[1])}` : "";
  const each = seeds.length > 0 ? `; the seeds: ${seeds.map(signedPoints).join(", ")}` : "";
  return `Difference ${signedPoints(difference)} points${range}${each}. 0 means no difference.`;
}

/** Multiples of the smallest of 0.1, 0.2, 0.5, 1, 2, 5 ... points that does not give too many. */
function ticksWithin(from: number, to: number): number[] {
  const steps = Array.from({ length: 12 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** (Math.floor(i / 3) - 3));
  const step = steps.find((each) => (to - from) / each <= MOST_TICKS) ?? 1;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** 0.05 -> "+5", -0.002 -> "−0.2" */
const signedWhole = (difference: number): string => signedPoints(difference).replace(/\.0$/, "");
