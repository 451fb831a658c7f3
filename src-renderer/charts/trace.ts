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

/** How far a trace within a range is drawn for good. */
interface Done {
  range: Range;
  pixels: number;
  /** The first value that is drawn. */
  first: number;
  /** Pixels before this one, from 1, change no more: they show the values from `first` up to `start`, by so many points. */
  pixel: number;
  start: number;
  linePoints: number;
  behindPoints: number;
}

/**
 * One figure of an arm, which is drawn again and again while it grows. Looks at a few values for each pixel, however many there are, and from one time to the next
 * only at the pixels to which values have come. `smooth` has a value for each of `values`.
 */
export class GrowingTrace {
  #trace: Trace = { line: noPoints(), behind: noPoints() };
  #done: Done | null = null;
  readonly #found = new Float64Array(2);

  constructor(
    private readonly arm: ArmCurve,
    private readonly values: Column,
    private readonly smooth: { readonly column: Column },
    private readonly axis: Axis,
  ) {}

  /** Changes what it gave before. */
  within(range: Range, pixels: number): Trace {
    // One beyond either end, so that lines come in from the edges.
    const first = Math.max(0, firstFrom(this.arm, range[0], this.axis) - 1);
    const end = Math.min(this.values.length, firstFrom(this.arm, range[1], this.axis) + 1);
    if (end - first <= CROWDED * pixels) {
      this.#done = null;
      return oneByOne(this.arm, this.values, this.smooth.column, this.axis, first, end);
    }
    const done = this.#done;
    const goesOn = done?.first === first && done.pixels === pixels && done.range[0] === range[0] && done.range[1] === range[1];
    if (!goesOn) this.#trace = { line: noPoints(), behind: noPoints() };
    this.#done = this.#draw(goesOn ? done : { range, pixels, first, pixel: 1, start: first, linePoints: 0, behindPoints: 0 }, end);
    return this.#trace;
  }

  /** Draws the values up to `end` that are not drawn for good. The last pixel that has any may get more. */
  #draw(done: Done, end: number): Done {
    const { line, behind } = this.#trace;
    cut(line, done.linePoints);
    cut(behind, done.behindPoints);
    const { range, pixels } = done;
    const width = range[1] - range[0];
    let start = done.start;
    for (let pixel = done.pixel; pixel <= pixels && start < end; pixel++) {
      const right = range[0] + (width * pixel) / pixels;
      const next = pixel === pixels ? end : firstFrom(this.arm, right, this.axis);
      if (next <= start) continue;
      done = { ...done, pixel, start, linePoints: line.x.length, behindPoints: behind.x.length };
      const x = right - width / pixels / 2;
      add(line, x, this.smooth.column.mean(start, next));
      this.values.extremes(start, next, this.#found);
      // Down and up in turn, so that no line crosses from one to the other.
      const isDown = pixel % 2 === 0;
      add(behind, x, this.#found[isDown ? 1 : 0]!);
      add(behind, x, this.#found[isDown ? 0 : 1]!);
      start = next;
    }
    return done;
  }
}

function cut({ x, y }: Points, length: number): void {
  x.length = length;
  y.length = length;
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
