import type { ArmCurve } from "../state/curves.svelte";
import { armLook } from "./arms";
import type { Columns, Line } from "./plot";
import { smooth } from "./smooth";

/** Share of the past in the smoothed line. */
const PAST = 0.9;

/** The arms that have a column, in order. */
export const armsWith = (arms: readonly ArmCurve[], column: string): ArmCurve[] => arms.filter((arm) => arm.column(column) !== null);

/** One line per arm; with `smoothed`, the values themselves behind it. */
export function batchLines(arms: readonly ArmCurve[], smoothed: boolean): Line[] {
  return arms.flatMap(({ arm }) => (smoothed ? [{ ...armLook[arm], faint: true }, armLook[arm]] : [armLook[arm]]));
}

export const longestOf = (arms: readonly ArmCurve[]): number => Math.max(0, ...arms.map(({ batches }) => batches));

/** Batches from 1 along x, then the columns of `batchLines`, padded with null to the longest arm. */
export function batchColumns(arms: readonly ArmCurve[], column: string, smoothed: boolean): Columns {
  const length = longestOf(arms);
  const padded = (known: readonly (number | null)[]) => Array.from({ length }, (_, index) => known[index] ?? null);
  const drawn = arms.flatMap((arm) => {
    const values = arm.column(column) ?? [];
    return smoothed ? [padded(values), padded(smooth(values, PAST))] : [padded(values)];
  });
  return [Array.from({ length }, (_, index) => index + 1), ...drawn];
}
