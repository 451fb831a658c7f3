/** What a plot draws and says, apart from the canvas. */
import type { Range } from "../state/chart-view.svelte";
import type { Trace } from "./trace";

export interface Line {
  name: string;
  /** A custom property: "--student". */
  color: string;
  dashed?: boolean;
  /** Marks each value with a point. */
  points?: boolean;
  /** What lies behind the line is the outline of a band, and filled. */
  band?: boolean;
  /** What is drawn within a range of x, on so many pixels. */
  trace(range: Range, pixels: number): Trace;
  /** Another one whenever what is drawn before the end of the line may have changed; the end itself is seen in the trace. */
  stamp(): unknown;
  /** The value at a place along x; the last one without a place. null if there is none. */
  value(x: number | null): number | null;
}
export type LegendEntry = Pick<Line, "name" | "color" | "dashed"> & { value: number | null };

/** The lines, each with its value under the cursor, or its last one. */
export const legendOf = (lines: readonly Line[], cursor: number | null): LegendEntry[] =>
  lines.map(({ name, color, dashed, value }) => ({ name, color, dashed, value: value(cursor) }));

/** The plot in one sentence, for those who cannot see it. `length`: "1,200 batches". */
export function describe(title: string, legend: readonly LegendEntry[], length: string, format: (value: number) => string): string {
  const values = legend.map(({ name, value }) => `${name} ${value === null ? "no value yet" : format(value)}`);
  return [`${title}:`, [...values, length].join(", ")].join(" ");
}

/** The ends of a line as they are seen: how many points it has, and where the last ones are, to half a pixel. `place`: y in pixels. */
export function endsOf({ line, behind }: Trace, place: (y: number) => number): number[] {
  const halves = (y: number | undefined) => (y === undefined ? Number.NaN : Math.round(2 * place(y)));
  return [line.x.length, halves(line.y.at(-1)), behind.x.length, halves(behind.y.at(-1)), halves(behind.y.at(-2))];
}

/** `range`, or the one that is drawn if nobody can see the difference: less than half a pixel at either end. */
export function steady(range: Range, drawn: Range | null, pixels: number): Range {
  const least = (range[1] - range[0]) / pixels / 2;
  return drawn?.every((end, i) => Math.abs(end - range[i]!) < least) ? drawn : range;
}

/** A range of y within the limits; `around` adds some room around the values. */
export function rangeWithin(
  [lowest, highest]: readonly [number, number | null],
  least: number | null,
  most: number | null,
  around: (least: number, most: number) => readonly [number, number],
): [number, number] {
  if (least === null || most === null) return [lowest, highest ?? 1];
  const [low, high] = around(least, most);
  return [Math.max(lowest, low), highest === null ? high : Math.min(highest, high)];
}

/** A logarithmic range around values above 0. */
export function logRange(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null || !(most > 0)) return [0.1, 1];
  const low = least > 0 ? least : most / 1000;
  return low === most ? [low / 2, most * 2] : [low / 1.1, most * 1.1];
}

/** Places after which epochs end within a range of x, at most 24 of them, but neither its start nor its end. */
export function marksBetween(min: number, max: number, every: number): number[] {
  if (!(every > 0)) return [];
  const step = Math.max(1, Math.ceil((max - min) / every / 24)) * every;
  const marks: number[] = [];
  for (let mark = Math.max(step, Math.ceil(min / step) * step); mark < max; mark += step) marks.push(mark);
  return marks;
}

/** Whole numbers of batches and epochs alone have a number along x. */
export const stepTick = (value: number): string => (Number.isInteger(value) ? whole.format(value) : "");
const whole = new Intl.NumberFormat("en");

/** 0.0004 -> "0.0004", 1e-7 -> "1e-7" */
export function figureTick(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) < 1e-4 ? value.toExponential().replace("e+", "e") : String(Number(value.toPrecision(6)));
}

/** y of a line at each pixel from `left` on, in pixels; NaN where it is not. `x` ascends. */
export function atPixels(x: readonly number[], y: readonly number[], left: number, width: number): Float32Array {
  const found = new Float32Array(Math.max(0, Math.ceil(width))).fill(Number.NaN);
  for (let i = 0; i < x.length; i++) {
    const [from, to] = [Math.max(left, Math.ceil(x[i]!)), i + 1 < x.length ? x[i + 1]! : x[i]!];
    for (let at = from; at <= to && at < left + found.length; at++)
      found[at - left] = to > x[i]! ? y[i]! + ((at - x[i]!) / (to - x[i]!)) * (y[i + 1]! - y[i]!) : y[i]!;
  }
  return found;
}

/** At which pixels a line lies on one of those that are drawn before it, and would hide it. */
export function hiddenPixels(line: Float32Array, before: readonly Float32Array[]): boolean[] {
  return Array.from(line, (y, at) => before.some((other) => Math.abs(other[at]! - y) < 1));
}
