import { expect, it } from "vitest";
import { horizon, smooth } from "../../../src-renderer/charts/smooth";

it("a constant stays as it is, from its first value on", () => {
  expect(smooth([3, 3, 3], 0.9).map((value) => Number(value!.toFixed(9)))).toEqual([3, 3, 3]);
});

it("follows the values, late", () => {
  const [first, second] = smooth([0, 1], 0.5) as number[];
  expect(first).toBe(0);
  expect(second).toBeCloseTo(2 / 3);
});

it("what is missing stays missing", () => {
  expect(smooth([null, 2, null, 2], 0.9)).toEqual([null, 2, null, 2]);
  expect(smooth([], 0.9)).toEqual([]);
});

it.each([
  [0, 10, 8, 20],
  [5, 10, 8, 20],
  [18, 10, 8, 30],
  [70, 10, 8, 80],
  [80, 10, 8, 80],
  [3, 10, 1, 10],
])("after %i batches in epochs of %i, a run of %i epochs is shown up to batch %i", (batches, perEpoch, epochs, end) => {
  expect(horizon(batches, perEpoch, epochs)).toBe(end);
});
