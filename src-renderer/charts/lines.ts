import { type Axis, nearestTo, placeOf, type Range } from "../state/chart-view.svelte";
import { Smoothed } from "../state/column";
import type { ArmCurve, Curves } from "../state/curves.svelte";
import { overSeeds } from "../state/seeds";
import { armLook } from "./arms";
import type { Line } from "./plot";
import { noPoints, type Points, type Trace, traceOf } from "./trace";

/** The arms that have a column, in order. */
export const armsWith = (arms: readonly ArmCurve[], column: string): ArmCurve[] => arms.filter((arm) => arm.column(column) !== null);

/** One figure of every batch, a line for each of these arms. `smoothing`: share of the past, 0 ... 1. */
export function batchLines(arms: readonly ArmCurve[], column: string, axis: Axis, smoothing: number): Line[] {
  return arms.map((arm) => {
    const values = arm.column(column)!;
    const smoothed = new Smoothed(values, smoothing);
    return {
      ...armLook[arm.arm],
      trace: (range: Range, pixels: number) => traceOf(arm, values, smoothed.column, axis, range, pixels),
      stamp: () => values.length,
      value: (x) => finite(smoothed.column.at((x === null ? values.length - 1 : nearestTo(arm, x, axis)) ?? -1)),
    };
  });
}

/** Test accuracy after each tested epoch, a line for each arm, and the teacher's from edge to edge. */
export function epochLines({ arms }: Curves, teacherAcc: number | null, axis: Axis): Line[] {
  const lines = arms.map((arm): Line => {
    let known: { epochs: typeof arm.epochs; points: Points } | null = null;
    const points = () => {
      if (known?.epochs !== arm.epochs) known = { epochs: arm.epochs, points: testPoints(arm, axis) };
      return known.points;
    };
    return {
      ...armLook[arm.arm],
      points: true,
      trace: () => ({ line: points(), behind: noPoints() }),
      stamp: () => arm.epochs.length,
      value: (x) => valueAt(points(), x),
    };
  });
  return teacherAcc === null ? lines : [...lines, teacherLine(teacherAcc)];
}

/** The mean over all seeds after each tested epoch, a line for each arm, in a band from the lowest to the highest; and the teacher's. */
export function seedLines(curves: Curves, teacherAcc: number | null, axis: Axis): Line[] {
  const lines = curves.arms.map((arm): Line => {
    const traceOfSeeds = (): Trace => {
      const after = overSeeds(curves, arm.arm)
        .map((each) => ({ ...each, x: placeOfEpoch(arm, each.epoch, axis) }))
        .filter(({ x }) => !Number.isNaN(x));
      const x = after.map((each) => each.x);
      const outline = { x: [...x, ...[...x].reverse()], y: [...after.map(({ lowest }) => lowest), ...after.map(({ highest }) => highest).reverse()] };
      return { line: { x, y: after.map(({ mean }) => mean) }, behind: outline };
    };
    const { name, color } = armLook[arm.arm];
    return {
      name: `${name}, mean`,
      color,
      points: true,
      band: true,
      trace: traceOfSeeds,
      stamp: () => arm.epochs.length,
      value: (x) => valueAt(traceOfSeeds().line, x),
    };
  });
  return teacherAcc === null ? lines : [...lines, teacherLine(teacherAcc)];
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
