import { expect, it, describe as suite } from "vitest";
import { timeTick } from "../../../src-renderer/charts/drawing";
import {
  atPixels,
  describe,
  endsOf,
  figureTick,
  hiddenPixels,
  type Line,
  legendOf,
  logRange,
  marksBetween,
  rangeWithin,
  steady,
  stepTick,
} from "../../../src-renderer/charts/plot";

const line = (name: string, last: number | null): Line => ({
  name,
  color: `--${name.toLowerCase()}`,
  trace: () => ({ line: { x: [], y: [] }, behind: { x: [], y: [] } }),
  stamp: () => 0,
  value: (x) => (x === null ? last : x),
});
const lines = [line("Control", 2), line("Student", null)];

suite("the legend", () => {
  it("has each line's last value, or the one under the cursor", () => {
    expect(legendOf(lines, null).map(({ name, value }) => [name, value])).toEqual([
      ["Control", 2],
      ["Student", null],
    ]);
    expect(legendOf(lines, 7).map(({ value }) => value)).toEqual([7, 7]);
  });

  it("describes the plot in one sentence", () => {
    expect(describe("Loss", legendOf(lines, null), "3 batches", (value) => value.toFixed(1))).toBe("Loss: Control 2.0, Student no value yet, 3 batches");
    expect(describe("Loss", [], "0 batches", String)).toBe("Loss: 0 batches");
  });
});

suite("what nobody would see is not drawn", () => {
  const ends = (last: number, least = 0, most = 9) => endsOf({ line: { x: [1, 2], y: [5, last] }, behind: { x: [2, 2], y: [most, least] } }, (y) => 10 * y);

  it("less than half a pixel at the ends of a line, and of what is behind it", () => {
    expect(ends(5.01)).toEqual(ends(5));
    for (const other of [ends(5.1), ends(5, 0.1), ends(5, 0, 9.1)]) expect(other).not.toEqual(ends(5));
    expect(endsOf({ line: { x: [], y: [] }, behind: { x: [], y: [] } }, (y) => y)).toEqual([0, Number.NaN, 0, Number.NaN, Number.NaN]);
  });

  it("one more point is, even at the same place", () => {
    expect(endsOf({ line: { x: [1], y: [5] }, behind: { x: [2, 2], y: [9, 0] } }, (y) => 10 * y)).not.toEqual(ends(5));
  });

  it("a range that moves by less than half a pixel stays, and does not creep", () => {
    const drawn = [0, 100] as const;
    expect(steady([0, 100.4], drawn, 100)).toBe(drawn);
    for (const moved of [
      [0, 100.6],
      [-0.6, 100],
    ] as const)
      expect(steady(moved, drawn, 100)).toBe(moved);
    expect(steady(drawn, null, 100)).toBe(drawn);
  });
});

it("the range of y has air around its values, within its limits", () => {
  const around = (least: number, most: number) => [least - 1, most + 1] as const;
  expect(rangeWithin([0, 1], 0.2, 0.8, around)).toEqual([0, 1]);
  expect(rangeWithin([0, null], 3, 5, around)).toEqual([2, 6]);
  expect(rangeWithin([0, null], null, null, around)).toEqual([0, 1]);
});

it("a logarithmic range stays above 0", () => {
  expect(logRange(null, null)).toEqual([0.1, 1]);
  expect(logRange(0, 10)[0]).toBeGreaterThan(0);
  const [low, high] = logRange(2, 2);
  expect([low < 2, high > 2]).toEqual([true, true]);
});

it("epochs end at marks, which are thinned out where there are many", () => {
  expect(marksBetween(0, 35, 10)).toEqual([10, 20, 30]);
  expect(marksBetween(15, 35, 10)).toEqual([20, 30]);
  expect(marksBetween(0, 239, 10)).toHaveLength(23);
  expect(marksBetween(0, 961, 10)).toHaveLength(19);
  expect(marksBetween(0, 35, 0)).toEqual([]);
});

it("only whole steps have a number", () => {
  expect([1, 1.5, 200_000].map(stepTick)).toEqual(["1", "", "200,000"]);
  expect([0, 1e-3, 2e-7, 0.30000000000000004].map(figureTick)).toEqual(["0", "0.001", "2e-7", "0.3"]);
  expect([0, 90, 3600, 0.5].map(timeTick)).toEqual(["0:00", "1:30", "1:00:00", ""]);
});

suite("a line on another one", () => {
  it("is known at each pixel between its points, and nowhere else", () => {
    expect([...atPixels([2, 4], [0, 10], 1, 5)]).toEqual([Number.NaN, 0, 5, 10, Number.NaN]);
    expect([...atPixels([], [], 0, 2)]).toEqual([Number.NaN, Number.NaN]);
  });

  it("is hidden where they are less than a pixel apart", () => {
    const [a, b] = [Float32Array.of(1, 2, 3, Number.NaN), Float32Array.of(1, 2.5, 9, 4)];
    expect(hiddenPixels(b, [a])).toEqual([true, true, false, false]);
    expect(hiddenPixels(a, [])).toEqual([false, false, false, false]);
  });
});
