import { describe, expect, it } from "vitest";
import { Column, Smoothed } from "../../../src-renderer/state/column";

const of = (values: readonly number[]) => {
  const column = new Column();
  column.append(values);
  return column;
};
const extremes = (column: Column, from: number, end: number) => {
  const out = new Float64Array(2);
  column.extremes(from, end, out);
  return [...out];
};
/** Values without an order, the same in every run. */
const mixed = (count: number) => Array.from({ length: count }, (_, index) => Math.fround((Math.imul(index + 1, 2654435761) >>> 0) / 2 ** 32));
const rounded = (column: Column) => Array.from({ length: column.length }, (_, index) => Number(column.at(index).toFixed(9)));

describe("a column", () => {
  it.each([1, 15, 16, 17, 255, 256, 257, 5000, 70_000])("of %i values knows least, most and mean of any stretch", (count) => {
    const values = mixed(count);
    const column = of(values);
    for (const [from, end] of [
      [0, count],
      [0, 1],
      [Math.floor(count / 3), Math.ceil((2 * count) / 3)],
      [count - 1, count],
      [Math.min(1, count - 1), count],
    ] as const) {
      const stretch = values.slice(from, end);
      expect(extremes(column, from, end)).toEqual([stretch.reduce((a, b) => Math.min(a, b), 2), stretch.reduce((a, b) => Math.max(a, b), -1)]);
      expect(column.mean(from, end)).toBeCloseTo(stretch.reduce((sum, value) => sum + value, 0) / stretch.length, 9);
    }
  });

  it("has room beyond one piece", () => {
    const column = of(mixed(65_536));
    column.push(7);
    expect([column.length, column.last, column.at(65_535)]).toEqual([65_537, 7, mixed(65_536).at(-1)]);
    expect(extremes(column, 65_000, 65_537)[1]).toBe(7);
  });

  it.each([7, 16, 100, 70_000])("is the same whether values are pushed or appended, %i at a time", (step) => {
    const values = mixed(70_000).map((value, index) => (index % 1000 < 40 ? Number.NaN : value));
    const [pushed, appended] = [new Column(), new Column()];
    for (const value of values) pushed.push(value);
    for (let done = 0; done < values.length; done += step) appended.append(values.slice(done, done + step));
    for (const [from, end] of [
      [0, 70_000],
      [3, 65_535],
      [1000, 1040],
      [999, 1041],
      [65_530, 65_600],
      [12_345, 54_321],
    ] as const) {
      expect(extremes(appended, from, end)).toEqual(extremes(pushed, from, end));
      expect(appended.mean(from, end)).toBe(pushed.mean(from, end));
    }
    expect(appended.length).toBe(pushed.length);
  });

  it("leaves out what is no finite number", () => {
    const column = of([1, Number.NaN, 3, Number.POSITIVE_INFINITY, 1e39]);
    expect(extremes(column, 0, 5)).toEqual([1, 3]);
    expect([column.mean(0, 5), column.mean(1, 2), column.at(3)]).toEqual([2, Number.NaN, Number.NaN]);
    expect(extremes(column, 3, 5)).toEqual([Number.NaN, Number.NaN]);
    expect(extremes(new Column(), 0, 9)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("smoothed", () => {
  it("a constant stays as it is, from its first value on", () => {
    expect(rounded(new Smoothed(of([3, 3, 3]), 0.9).column)).toEqual([3, 3, 3]);
  });

  it("follows the values, late, and takes those that come", () => {
    const source = of([0]);
    const smoothed = new Smoothed(source, 0.5);
    expect(rounded(smoothed.column)).toEqual([0]);
    source.push(1);
    expect(smoothed.column.at(1)).toBeCloseTo(2 / 3);
    expect(smoothed.column.length).toBe(2);
  });

  it("what is missing stays missing", () => {
    expect(rounded(new Smoothed(of([Number.NaN, 2, Number.NaN, 2]), 0.9).column)).toEqual([Number.NaN, 2, Number.NaN, 2]);
  });

  it("by no weight is the column itself", () => {
    const source = of([1, 2]);
    expect(new Smoothed(source, 0).column).toBe(source);
  });
});
