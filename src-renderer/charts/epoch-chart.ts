import type { Curves } from "../state/curves.svelte";
import { armLook } from "./arms";
import type { Columns, Line } from "./plot";

export function epochLines({ arms }: Curves, teacherAcc: number | null): Line[] {
  const lines = arms.map(({ arm }): Line => ({ ...armLook[arm], points: true }));
  return teacherAcc === null ? lines : [...lines, { name: "Teacher", color: "--teacher", dashed: true }];
}

/** Half an epoch of room at both ends. */
export const epochSpan = ({ epochs }: Curves): [number, number] => [0.5, Math.max(1, epochs) + 0.5];

/** Epochs from 1 along x, then each arm's test accuracy (null in epochs that were not tested), then the teacher's from edge to edge. */
export function epochColumns(curves: Curves, teacherAcc: number | null): Columns {
  const [first, last] = epochSpan(curves);
  const epochs = Array.from({ length: last - first }, (_, index) => index + 1);
  const arms = curves.arms.map((arm) => epochs.map((epoch) => arm.epochs.find((record) => record.epoch === epoch)?.testAcc ?? null));
  if (teacherAcc === null) return [epochs, ...arms];
  return [[first, ...epochs, last], ...arms.map((values) => [null, ...values, null]), Array(epochs.length + 2).fill(teacherAcc)];
}
