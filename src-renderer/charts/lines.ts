import { type Axis, nearestTo, placeOf, type Range } from "../state/chart-view.svelte";
import { Smoothed } from "../state/column";
import type { ArmCurve, Curves } from "../state/curves.svelte";
import type { SeedsAfter } from "../state/seeds";
import { armLook } from "./arms";
import type { Line } from "./plot";
import { GrowingTrace, noPoints, type Points, type Trace } from "./trace";

/** The arms that have a column, in order. */
export const armsWith = (arms: readonly ArmCurve[], column: string): ArmCurve[] => arms.filter((arm) => arm.column(column) !== null);

/** One figure of every batch, a line for each of these arms. `smoothing`: share of the past, 0 ... 1. */
export function batchLines(arms: readonly ArmCurve[], column: string, axis: Axis, smoothing: number): Line[] {
  return arms.map((arm) => {
    const values = arm.column(column)!;
    const smoothed = new Smoothed(values, smoothing);
    const growing = new GrowingTrace(arm, values, smoothed, axis);
    return {
      ...armLook[arm.arm],
      trace: (range: Range, pixels: number) => growing.within(range, pixels),
      stamp: () => null,
      value: (x) => finite(smoothed.column.at((x === null ? values.length - 1 : nearestTo(arm, x, axis)) ?? -1)),
    };
  });
}

/** Test accuracy after each tested epoch, a line for each arm, and the teacher's from edge to edge. */
export function epochLines({ arms }: Curves, teacherAcc: number | null, axis: Axis): Line[] {
  const lines = arms.map((arm): Line => {
    const points = keptWhile(
      () => [arm.epochs],
      () => testPoints(arm, axis),
    );
    return {
      ...armLook[arm.arm],
      points: true,
      trace: () => ({ line: points(), behind: noPoints() }),
      stamp: points,
      value: (x) => valueAt(points(), x),
    };
  });
  return teacherAcc === null ? lines : [...lines, teacherLine(teacherAcc)];
}

/** The mean over all seeds after each tested epoch, a line for each arm, in a band from the lowest to the highest; and the teacher's. */
export function seedLines(curves: Curves, teacherAcc: number | null, axis: Axis): Line[] {
  const lines = curves.arms.map((arm): Line => {
    const after = () => curves.overSeeds.get(arm.arm) ?? [];
    // By time, epochs that the arm has not reached are placed by what its batches took so far.
    const trace = keptWhile(
      () => [after(), axis === "time" ? arm.batches : null],
      () => traceOfSeeds(after(), (epoch) => placeOfEpoch(arm, epoch, axis)),
    );
    const { name, color } = armLook[arm.arm];
    return { name: `${name}, mean`, color, points: true, band: true, trace, stamp: trace, value: (x) => valueAt(trace().line, x) };
  });
  return teacherAcc === null ? lines : [...lines, teacherLine(teacherAcc)];
}

function traceOfSeeds(after: readonly SeedsAfter[], placeOf: (epoch: number) => number): Trace {
  const placed = after.map((each) => ({ ...each, x: placeOf(each.epoch) })).filter(({ x }) => !Number.isNaN(x));
  const x = placed.map((each) => each.x);
  const outline = { x: [...x, ...[...x].reverse()], y: [...placed.map(({ lowest }) => lowest), ...placed.map(({ highest }) => highest).reverse()] };
  return { line: { x, y: placed.map(({ mean }) => mean) }, behind: outline };
}

/** What was computed last, while that from which it is computed is the same. */
function keptWhile<T>(from: () => readonly unknown[], compute: () => T): () => T {
  let kept: { from: readonly unknown[]; result: T } | null = null;
  return () => {
    const now = from();
    if (!kept || kept.from.some((each, i) => each !== now[i])) kept = { from: now, result: compute() };
    return kept.result;
  };
}

/** Where an epoch's last batch ends; by time, as long as those before it took, and NaN before there are any. */
function placeOfEpoch(arm: ArmCurve, epoch: number, axis: Axis): number {
  const batches = epoch * arm.batchesPerEpoch;
  if (axis !== "time" || batches <= arm.batches) return placeOf(arm, batches - 1, axis);
  return arm.seconds.mean(0, arm.batches) * batches;
}

/** Where each tested epoch's last batch ends. A run whose batches are not known by time has none there. */
export function testPoints(arm: ArmCurve, axis: Axis): Points {
  const points = noPoints();
  for (const { epoch, testAcc } of arm.epochs) {
    if (testAcc === null) continue;
    points.x.push(placeOf(arm, Math.min(epoch * arm.batchesPerEpoch, arm.batches || Number.POSITIVE_INFINITY) - 1, axis));
    points.y.push(testAcc);
  }
  return points;
}

function teacherLine(accuracy: number): Line {
  return {
    name: "Teacher",
    color: "--teacher",
    dashed: true,
    trace: ([from, to]) => ({ line: { x: [from, to], y: [accuracy, accuracy] }, behind: noPoints() }),
    stamp: () => 0,
    value: () => accuracy,
  };
}

/** The last value at x or before it; the last of all without x. */
function valueAt({ x: places, y }: Points, x: number | null): number | null {
  if (x === null) return y.at(-1) ?? null;
  let found: number | null = null;
  for (let i = 0; i < places.length && places[i]! <= x; i++) found = y[i]!;
  return found;
}

const finite = (value: number): number | null => (Number.isNaN(value) ? null : value);
