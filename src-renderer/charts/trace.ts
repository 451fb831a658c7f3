import { type Axis, firstFrom, placeOf, type Range } from "../state/chart-view.svelte";
import type { Column } from "../state/column";
import type { ArmCurve } from "../state/curves.svelte";

/** Points in order along x, in the chart's units. */
export interface Points {
  x: number[];
  y: number[];
}

export const noPoints = (): Points => ({ x: [], y: [] });

/** What is drawn of one figure within a range of x. */
export interface Trace {
  /** Means of the smoothed values at each pixel, or the values themselves where there is room for each. */
  line: Points;
  /** Least and most of the values at each pixel, in turn. */
  behind: Points;
}

/** Values a pixel from which on they are not drawn one by one. */
const CROWDED = 1;

/** Looks at a few values for each pixel, however many there are. `smooth` has a value for each of `values`. */
export function traceOf(arm: ArmCurve, values: Column, smooth: Column, axis: Axis, [from, to]: Range, pixels: number): Trace {
  // One beyond either end, so that lines come in from the edges.
  const first = Math.max(0, firstFrom(arm, from, axis) - 1);
  const end = Math.min(values.length, firstFrom(arm, to, axis) + 1);
  if (end - first <= CROWDED * pixels) return oneByOne(arm, values, smooth, axis, first, end);
  const trace: Trace = { line: noPoints(), behind: noPoints() };
  const found = new Float64Array(2);
  let start = first;
  for (let pixel = 1; pixel <= pixels; pixel++) {
    const right = from + ((to - from) * pixel) / pixels;
    const next = pixel === pixels ? end : firstFrom(arm, right, axis);
    if (next > start) {
      const x = right - (to - from) / pixels / 2;
      add(trace.line, x, smooth.mean(start, next));
      values.extremes(start, next, found);
      // Down and up in turn, so that no line crosses from one to the other.
      const isDown = pixel % 2 === 0;
      add(trace.behind, x, found[isDown ? 1 : 0]!);
      add(trace.behind, x, found[isDown ? 0 : 1]!);
    }
    start = Math.max(start, next);
  }
  return trace;
}

function oneByOne(arm: ArmCurve, values: Column, smooth: Column, axis: Axis, first: number, end: number): Trace {
  const trace: Trace = { line: noPoints(), behind: noPoints() };
  for (let i = first; i < end; i++) {
    const x = placeOf(arm, i, axis);
    add(trace.line, x, smooth.at(i));
    if (values !== smooth) add(trace.behind, x, values.at(i));
  }
  return trace;
}

function add(points: Points, x: number, y: number): void {
  if (Number.isNaN(y)) return;
  points.x.push(x);
  points.y.push(y);
}

/** Least and most of y within a range of x; null if nothing is in there. */
export function extremesOf(all: readonly Points[], [from, to]: Range): [number, number] | null {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { x, y } of all)
    for (let i = 0; i < x.length; i++) {
      if (x[i]! < from || x[i]! > to) continue;
      if (y[i]! < least) least = y[i]!;
      if (y[i]! > most) most = y[i]!;
    }
  return least <= most ? [least, most] : null;
}
