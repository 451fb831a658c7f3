import type { ArmCurve, Curves } from "./curves.svelte";
import { count, duration } from "./words";

/** What charts have along x. time: of training, in seconds, without tests and pauses. */
export type Axis = "batch" | "epoch" | "time";
export type Range = readonly [number, number];

/** Where an arm's batch lies along x, from its index. Batch 0 ends at 1 by batch, at 1 / batchesPerEpoch by epoch. */
export function placeOf(arm: ArmCurve, index: number, axis: Axis): number {
  if (axis === "time") return arm.seconds.sumTo(index + 1);
  return axis === "batch" ? index + 1 : (index + 1) / arm.batchesPerEpoch;
}

/** Index of an arm's first batch at x or beyond; the number of its batches if there is none. */
export function firstFrom(arm: ArmCurve, x: number, axis: Axis): number {
  if (axis !== "time") return Math.max(0, Math.min(arm.batches, Math.ceil(axis === "batch" ? x : x * arm.batchesPerEpoch) - 1));
  let [low, high] = [0, arm.batches];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (arm.seconds.sumTo(middle + 1) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of an arm's batch nearest to x; null beyond its first and last. */
export function nearestTo(arm: ArmCurve, x: number, axis: Axis): number | null {
  const after = firstFrom(arm, x, axis);
  const [right, left] = [placeOf(arm, after, axis), placeOf(arm, after - 1, axis)];
  const index = after > 0 && (after === arm.batches || x - left <= right - x) ? after - 1 : after;
  const isBeyond = arm.batches === 0 || x > placeOf(arm, arm.batches - 1, axis) * 1.001 + (axis === "batch" ? 0.5 : 0);
  return isBeyond ? null : index;
}

/**
 * The batch up to which a chart reaches while it follows a run: one epoch ahead of what is there, at least two epochs, never beyond the
 * end of the run. So the curve grows to the right and the axis seldom moves.
 */
export function horizon(batches: number, perEpoch: number, epochs: number): number {
  const total = perEpoch * epochs;
  const wholeEpochs = Math.ceil((Math.max(batches, 1) * 1.3) / perEpoch) * perEpoch;
  return Math.min(total, Math.max(wholeEpochs, Math.min(total, perEpoch * 2)));
}

/** Room for what is drawn at the end of the axis, as a share of it. */
const ROOM = 0.015;
/** The narrowest range, as a share of the whole. */
const NARROWEST = 1e-6;

/** How the charts of a run are looked at, all of them together: along what, which part, how smooth, and where the cursor is. */
export class ChartView {
  axis: Axis = $state("batch");
  /** The part that is looked at; null follows the run. */
  zoom: Range | null = $state.raw(null);
  /** A place along x; null while no cursor is on a chart. */
  cursor: number | null = $state(null);
  /** Share of the past in the smoothed lines, 0 ... 0.99. */
  smoothing = $state(0.9);
  /** Whether charts of losses, rates and speeds have a logarithmic axis. */
  log = $state(false);
  /** Whether test accuracy is that of all seeds of a sweep, or of the one on screen. */
  allSeeds: boolean = $state(true);

  constructor(allSeeds = true) {
    this.allSeeds = allSeeds;
  }

  showBy(axis: Axis): void {
    [this.axis, this.zoom, this.cursor] = [axis, null, null];
  }

  /** Shows a part; a range beyond what there is ends there. */
  zoomTo([from, to]: Range, curves: Curves): void {
    const [first, last] = this.whole(curves);
    const width = Math.min(last - first, Math.max(to - from, (last - first) * NARROWEST));
    const start = Math.max(first, Math.min(from, last - width));
    this.zoom = width >= last - first ? null : [start, start + width];
  }

  /** `factor` below 1 shows less. What is at x stays where it is. */
  zoomAround(x: number, factor: number, curves: Curves): void {
    const [from, to] = this.range(curves);
    this.zoomTo([x - (x - from) * factor, x + (to - x) * factor], curves);
  }

  /** The same from the middle. */
  zoomBy(factor: number, curves: Curves): void {
    const [from, to] = this.range(curves);
    this.zoomAround((from + to) / 2, factor, curves);
  }

  /** `share` of what is shown; above 0 to later batches. */
  pan(share: number, curves: Curves): void {
    const [from, to] = this.range(curves);
    const by = share * (to - from);
    if (this.zoom) this.zoomTo([from + by, to + by], curves);
  }

  firstEpoch(curves: Curves): void {
    this.zoomTo([0, this.#at(curves.batchesPerEpoch || 1, curves)], curves);
  }

  /** Shows all again, and what comes. */
  follow(): void {
    this.zoom = null;
  }

  range(curves: Curves): Range {
    return this.zoom ?? this.whole(curves);
  }

  /** All that there is, with room for what comes next. */
  whole(curves: Curves): Range {
    const longest = Math.max(this.allSeeds ? curves.batchesOfOthers : 0, ...curves.arms.map(({ batches }) => batches));
    return [0, this.#at(horizon(longest, curves.batchesPerEpoch || 1, curves.epochs || 1), curves) * (1 + ROOM)];
  }

  /** Where so many batches end; by time, as long as they take in the slowest arm so far. */
  #at(batches: number, curves: Curves): number {
    if (this.axis === "batch") return batches;
    if (this.axis === "epoch") return batches / (curves.batchesPerEpoch || 1);
    const ends = curves.arms.map((arm) => (batches <= arm.batches ? arm.seconds.sumTo(batches) : (arm.seconds.mean(0, arm.batches) || 0) * batches));
    return Math.max(0, ...ends) || 1;
  }

  /** What is under the cursor: "Batch 1,234, epoch 3"; null without one. */
  placeInWords(curves: Curves): string | null {
    if (this.cursor === null) return null;
    if (this.axis === "time") return `${duration(this.cursor)} of training`;
    const perEpoch = curves.batchesPerEpoch || 1;
    const batch = Math.max(1, Math.round(this.axis === "batch" ? this.cursor : this.cursor * perEpoch));
    return `Batch ${count(batch)}, epoch ${count(Math.ceil(batch / perEpoch))}`;
  }
}
