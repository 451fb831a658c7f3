import { describe, expect, test } from "vitest";
import { nearestPoint, niceTicks, scaleOf, shareRange } from "../../../src-renderer/charts/xy";

describe("a scale", () => {
  test("places its ends at the ends, and has round ticks between them", () => {
    const { place, ticks } = scaleOf([250, 1000, 5000], false, 400);
    expect([place(250), place(2625), place(5000)]).toEqual([0, 200, 400]);
    expect(ticks).toEqual([1000, 2000, 3000, 4000, 5000]);
  });

  test("by powers of ten places equal factors at equal distances", () => {
    const { place, ticks } = scaleOf([100, 1000, 10_000], true, 300);
    expect([100, 1000, 10_000].map((value) => Math.round(place(value)))).toEqual([0, 150, 300]);
    expect(ticks).toEqual([100, 200, 500, 1000, 2000, 5000, 10_000]);
    expect(scaleOf([1e-5, 1], true, 300).ticks).toEqual([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]);
  });

  test.each([
    ["a single value", [4], false, 50],
    ["a single value of zero", [0], false, 50],
    ["a single value by powers of ten", [4], true, 50],
  ])("of %s has it in the middle", (_, values, isLog, middle) => expect(scaleOf(values, isLog, 100).place(values[0]!)).toBeCloseTo(middle));

  test("without values has a range all the same", () => {
    expect(scaleOf([], false, 100).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(scaleOf([], true, 100).ticks).toEqual([1, 2, 5, 10]);
  });
});

test("ticks are as many as asked for at most", () => {
  expect(niceTicks(0, 1, 3)).toEqual([0, 0.5, 1]);
  expect(niceTicks(-3, 12, 4)).toEqual([0, 5, 10]);
});

test("a range of shares has room, but none outside 0 and 1", () => {
  expect(shareRange([])).toEqual([0, 1]);
  expect(shareRange([0.5])).toEqual([0.49, 0.51]);
  expect(shareRange([0.001, 0.999])).toEqual([0, 1]);
});

test("the nearest point is that within reach", () => {
  const placed = [
    { left: 0, top: 0 },
    { left: 10, top: 0 },
  ];
  expect(nearestPoint(placed, 6, 0, 20)).toBe(1);
  expect(nearestPoint(placed, 6, 30, 20)).toBeNull();
});
