import { expect, it, describe as suite } from "vitest";
import { describe, legendOf, marksBetween, rangeWithin, stepTick } from "../../../src-renderer/charts/plot";

const lines = [
  { name: "Control", color: "--control", faint: true },
  { name: "Control", color: "--control" },
  { name: "Student", color: "--student" },
];
const columns = [[1, 2, 3], [9, 9, 9], [1, 2, null], []];

suite("the legend", () => {
  it("has each line's last value, none of lines drawn behind", () => {
    expect(legendOf(lines, columns, null).map(({ name, value }) => [name, value])).toEqual([
      ["Control", 2],
      ["Student", null],
    ]);
  });

  it("has the values under the cursor", () => {
    expect(legendOf(lines, columns, 0).map(({ value }) => value)).toEqual([1, null]);
    expect(legendOf(lines, [[]], 0).map(({ value }) => value)).toEqual([null, null]);
  });

  it("describes the plot in one sentence", () => {
    const legend = legendOf(lines, columns, null);
    expect(describe("Loss", legend, 3, "batch", (value) => value.toFixed(1))).toBe("Loss: Control 2.0, Student no value yet, 3 batches");
    expect(describe("Loss", legend, 1, "epoch", String)).toBe("Loss: Control 2, Student no value yet, 1 epoch");
  });
});

it("the range of y has air around its values, within its limits", () => {
  const around = (least: number, most: number) => [least - 1, most + 1] as const;
  expect(rangeWithin([0, 1], 0.2, 0.8, around)).toEqual([0, 1]);
  expect(rangeWithin([0, null], 3, 5, around)).toEqual([2, 6]);
  expect(rangeWithin([0, null], null, null, around)).toEqual([0, 1]);
});

it("epochs end at marks, which are thinned out where there are many", () => {
  expect(marksBetween(0, 35, 10)).toEqual([10, 20, 30]);
  expect(marksBetween(15, 35, 10)).toEqual([20, 30]);
  expect(marksBetween(0, 960, 10)).toHaveLength(24);
  expect(marksBetween(0, 35, 0)).toEqual([]);
});

it("only whole steps have a number", () => {
  expect([1, 1.5].map(stepTick)).toEqual(["1", ""]);
});
