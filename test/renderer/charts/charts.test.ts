import { describe, expect, it } from "vitest";
import { barsOf, orderOf } from "../../../src-renderer/charts/bars";
import { armsWith, batchColumns, batchLines, longestOf } from "../../../src-renderer/charts/batch-chart";
import { epochColumns, epochLines, epochSpan } from "../../../src-renderer/charts/epoch-chart";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { batches, begunCurves, epoch } from "../fakes";

function comparison(): Curves {
  const curves = begunCurves(["control", "student"], 2, 3);
  curves.addBatches("control", batches(3, 2, { parts: { ce: 1, kd: 0 } }));
  curves.addBatches("student", batches(2, 2, { loss: 4, parts: { ce: 1, kd: 6 } }));
  return curves;
}

describe("by batch", () => {
  it("each arm has a line, or two with the smoothed one, and its column padded to the longest", () => {
    const { arms } = comparison();
    expect(longestOf(arms)).toBe(3);
    expect(batchLines(arms, false).map(({ name }) => name)).toEqual(["Control", "Student"]);
    expect(batchColumns(arms, "loss", false)).toEqual([
      [1, 2, 3],
      [2, 2, 2],
      [4, 4, null],
    ]);
    expect(batchLines(arms, true).map(({ name, faint }) => [name, faint ?? false])).toEqual([
      ["Control", true],
      ["Control", false],
      ["Student", true],
      ["Student", false],
    ]);
    expect(batchColumns(arms, "loss", true)).toHaveLength(5);
  });

  it("any part of the loss is drawn by its name, for the arms that have it", () => {
    const { arms } = comparison();
    const drawn = armsWith(arms, "kd");
    expect(drawn.map(({ arm }) => arm)).toEqual(["student"]);
    expect(batchColumns(drawn, "kd", false)).toEqual([
      [1, 2],
      [6, 6],
    ]);
    expect(armsWith(arms, "ce")).toHaveLength(2);
    expect(batchColumns(arms, "novel", false)).toEqual([
      [1, 2, 3],
      [null, null, null],
      [null, null, null],
    ]);
  });

  it("nothing is drawn of a run that has not started", () => {
    expect(batchColumns([], "loss", true)).toEqual([[]]);
  });
});

describe("by epoch", () => {
  const curves = comparison();
  curves.addEpoch("control", epoch(1, 0.4));
  curves.addEpoch("control", epoch(2, null));

  it("each arm has its tested epochs", () => {
    expect(epochLines(curves, null).map(({ name }) => name)).toEqual(["Control", "Student"]);
    expect(epochColumns(curves, null)).toEqual([
      [1, 2, 3],
      [0.4, null, null],
      [null, null, null],
    ]);
  });

  it("reaches as far as the charts by batch: of a long run that has just begun, two epochs", () => {
    expect(epochSpan(new Curves())).toEqual([0.5, 1.5]);
    expect(epochSpan(curves)).toEqual([0.5, 2.5]);
    const long = begunCurves(["single"], 2, 200);
    expect(epochSpan(long)).toEqual([0.5, 2.5]);
    long.addBatches("single", batches(20, 2));
    expect(epochSpan(long)).toEqual([0.5, 13.5]);
    long.addBatches("single", batches(400, 2));
    expect(epochSpan(long)).toEqual([0.5, 200.5]);
  });

  it("the teacher's line runs from edge to edge", () => {
    expect(epochLines(curves, 0.9).at(-1)).toMatchObject({ name: "Teacher", dashed: true });
    expect(epochColumns(curves, 0.9)).toEqual([
      [0.5, 1, 2, 3, 3.5],
      [null, 0.4, null, null, null],
      [null, null, null, null, null],
      [0.9, 0.9, 0.9, 0.9, 0.9],
    ]);
  });
});

describe("bars", () => {
  const opinion = (logits: number[]) => ({ subject: {} as never, classes: ["cat", "dog", "fox"], logits, inputUrl: null });

  it("all networks are in the first one's order", () => {
    const opinions = [opinion([1, 3, 2]), opinion([9, 0, 0])];
    expect(orderOf(opinions)).toEqual([1, 2, 0]);
    expect(barsOf(opinions[1]!, orderOf(opinions), 1).rows.map(({ name }) => name)).toEqual(["dog", "fox", "cat"]);
    expect(orderOf([])).toEqual([]);
  });

  it("show each class at the chosen temperature and at 1, with the entropy", () => {
    const { rows, entropy, most } = barsOf(opinion([2, 1, 0]), [0, 1, 2], 100);
    expect(rows[0]!.plain).toBeGreaterThan(rows[0]!.value);
    expect(rows.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(1);
    expect(entropy).toBeLessThan(most);
    expect(most).toBeCloseTo(Math.log2(3));
  });
});
