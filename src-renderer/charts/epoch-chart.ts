import type { Curves } from "../state/curves.svelte";
import { armLook } from "./arms";
import { longestOf } from "./batch-chart";
import type { Columns, Line } from "./plot";
import { horizon } from "./smooth";

export function epochLines({ arms }: Curves, teacherAcc: number | null): Line[] {
  const lines = arms.map(({ arm }): Line => ({ ...armLook[arm], points: true }));
  return teacherAcc === null ? lines : [...lines, { name: "Teacher", color: "--teacher", dashed: true }];
}

/** As many epochs as the charts by batch show, with half an epoch of room at both ends. */
export function epochSpan({ arms, batchesPerEpoch, epochs }: Curves): [number, number] {
  const perEpoch = batchesPerEpoch || 1;
  return [0.5, horizon(longestOf(arms), perEpoch, epochs || 1) / perEpoch + 0.5];
}

/** Epochs from 1 along x, then each arm's test accuracy (null in epochs that were not tested), then the teacher's from edge to edge. */
export function epochColumns(curves: Curves, teacherAcc: number | null): Columns {
  const epochs = Array.from({ length: Math.max(1, curves.epochs) }, (_, index) => index + 1);
  const arms = curves.arms.map((arm) => epochs.map((epoch) => arm.epochs.find((record) => record.epoch === epoch)?.testAcc ?? null));
  if (teacherAcc === null) return [epochs, ...arms];
  return [[0.5, ...epochs, epochs.length + 0.5], ...arms.map((values) => [null, ...values, null]), Array(epochs.length + 2).fill(teacherAcc)];
}
