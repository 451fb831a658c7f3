/** Where things lie on a chart of points, apart from the drawing. */

export interface XYPoint {
  x: number;
  y: number;
  /** Where y lies with 95 % confidence; left out if not known. */
  interval?: readonly [number, number] | null;
  /** What it is, for who points at it; left out: its series alone. */
  name?: string;
}

export interface XYSeries {
  name: string;
  /** A custom property: "--student". */
  color: string;
  /** How its points are joined; none: dots alone. */
  line: "solid" | "dashed" | "none";
  points: readonly XYPoint[];
  /** Drawn larger than the others. */
  strong?: boolean;
}

export interface Scale {
  place(value: number): number;
  ticks: number[];
}

const MOST_TICKS = 8;

/** Along x, from 0 to `width`. Logarithmic scales need values above 0 alone. */
export function scaleOf(values: readonly number[], isLog: boolean, width: number): Scale {
  const [low, high] = rangeOf(values, isLog);
  const [from, to] = isLog ? [Math.log10(low), Math.log10(high)] : [low, high];
  const place = (value: number) => (((isLog ? Math.log10(value) : value) - from) / (to - from)) * width;
  const all = isLog ? logTicks(low, high) : niceTicks(low, high);
  return { place, ticks: all.filter((value) => value >= low * (1 - 1e-12) && value <= high * (1 + 1e-12)) };
}

function rangeOf(values: readonly number[], isLog: boolean): [number, number] {
  if (values.length === 0) return isLog ? [1, 10] : [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (least === most) return isLog ? [least / 2, most * 2] : [least - (Math.abs(least) || 1) / 2, most + (Math.abs(most) || 1) / 2];
  return [least, most];
}

/** Multiples of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, most = MOST_TICKS): number[] {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => (high - low) / each <= most)!;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten; with 2 and 5 times them where there are few. */
function logTicks(low: number, high: number): number[] {
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 }, (_, i) => Math.floor(Math.log10(low)) + i);
  const factors = powers.length > 3 ? [1] : [1, 2, 5];
  return powers.flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(12))));
}

/** A range of shares, 0 ... 1, with some room around the values. */
export function shareRange(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.01, (most - least) * 0.12);
  return [Math.max(0, least - room), Math.min(1, most + room)];
}

/** The point nearest to a place, within so many pixels; null if none is. */
export function nearestPoint(placed: readonly { left: number; top: number }[], left: number, top: number, within: number): number | null {
  let [found, least]: [number | null, number] = [null, within];
  for (const [index, point] of placed.entries()) {
    const distance = Math.hypot(point.left - left, point.top - top);
    if (distance <= least) [found, least] = [index, distance];
  }
  return found;
}
