import { describe, expect, it } from "vitest";
import { barsOf, orderOf } from "../../../src-renderer/charts/bars";
import { armsWith, batchLines, epochLines, seedLines } from "../../../src-renderer/charts/lines";
import { extremesOf } from "../../../src-renderer/charts/trace";
import type { Curves } from "../../../src-renderer/state/curves.svelte";
import { batch, batches, begunCurves, epoch } from "../fakes";

function comparison(): Curves {
  const curves = begunCurves(["control", "student"], 2, 3);
  curves.addBatches("control", batches(3, 2, { parts: { ce: 1, kd: 0 } }));
  curves.addBatches("student", batches(2, 2, { loss: 4, parts: { ce: 1, kd: 6 } }));
  return curves;
}

describe("by batch", () => {
  it("each arm has a line of its values, where there is room for each", () => {
    const [control, student] = batchLines(comparison().arms, "loss", "batch", 0);
    expect(control!.name).toBe("Control");
    expect(control!.trace([0, 4], 300)).toEqual({ line: { x: [1, 2, 3], y: [2, 2, 2] }, behind: { x: [], y: [] } });
    expect(student!.trace([0, 4], 300).line).toEqual({ x: [1, 2], y: [4, 4] });
    expect([control!.value(null), student!.value(2), student!.value(3)]).toEqual([2, 4, null]);
  });

  it("a smoothed line has the values behind it", () => {
    const curves = begunCurves(["single"], 2, 3);
    curves.addBatches("single", [batch(0, 2, { loss: 0 }), batch(1, 2, { loss: 1 })]);
    const [line] = batchLines(curves.arms, "loss", "batch", 0.5);
    const { line: smooth, behind } = line!.trace([0, 4], 300);
    expect([smooth.y[1], behind.y]).toEqual([expect.closeTo(2 / 3), [0, 1]]);
  });

  it("many values are drawn as the least, most and mean at each pixel, of those in range alone", () => {
    const curves = begunCurves(["single"], 1000, 10);
    curves.addBatches(
      "single",
      batches(9000, 1000).map((record, index) => ({ ...record, loss: index % 2 === 0 ? 1 : 3 })),
    );
    const [line] = batchLines(curves.arms, "loss", "batch", 0);
    const { line: means, behind } = line!.trace([0, 9000], 100);
    expect(means.x).toHaveLength(100);
    expect(behind.x).toHaveLength(200);
    expect(extremesOf([behind], [0, 9000])).toEqual([1, 3]);
    for (const mean of means.y.slice(1)) expect(mean).toBeCloseTo(2, 1);
    const part = line!.trace([4000, 6000], 100).line;
    expect([part.x.at(0)! > 3999, part.x.at(-1)! < 6001]).toEqual([true, true]);
  });

  it("each value is drawn again once the part on screen is short enough, with those just beyond it", () => {
    const curves = begunCurves(["single"], 1000, 10);
    curves.addBatches("single", batches(9000, 1000));
    const [line] = batchLines(curves.arms, "loss", "batch", 0);
    expect(line!.trace([100, 103], 300).line.x).toEqual([99, 100, 101, 102, 103]);
  });

  it("by time, arms lie where their own batches end", () => {
    const curves = begunCurves(["control", "student"], 2, 3);
    curves.addBatches("control", batches(2, 2));
    curves.addBatches("student", batches(2, 2, { imagesPerSecond: 50 }));
    const [control, student] = batchLines(curves.arms, "loss", "time", 0).map((line) => line.trace([0, 1], 300).line.x);
    expect(control).toEqual([expect.closeTo(0.1), expect.closeTo(0.2)]);
    expect(student).toEqual([expect.closeTo(0.2), expect.closeTo(0.4)]);
  });

  it("any part of the loss is drawn by its name, for the arms that have it", () => {
    const { arms } = comparison();
    const drawn = armsWith(arms, "kd");
    expect(drawn.map(({ arm }) => arm)).toEqual(["student"]);
    expect(batchLines(drawn, "kd", "batch", 0)[0]!.trace([0, 4], 300).line.y).toEqual([6, 6]);
    expect(armsWith(arms, "ce")).toHaveLength(2);
    expect(armsWith(arms, "novel")).toEqual([]);
  });

  it("a loss that is no number leaves a gap", () => {
    const curves = begunCurves(["single"], 4, 1);
    curves.addBatches("single", [batch(0, 4), batch(1, 4, { loss: Number.NaN }), batch(2, 4)]);
    const [line] = batchLines(curves.arms, "loss", "batch", 0);
    expect(line!.trace([0, 4], 300).line.x).toEqual([1, 3]);
    expect(line!.value(2)).toBeNull();
  });

  it.each(["batch", "epoch", "time"] as const)("by %s, a trace that grew is the one that is drawn anew", (axis) => {
    const curves = begunCurves(["single"], 100, 20);
    // Of unequal length, and some no numbers.
    const record = (index: number) => batch(index, 100, { loss: index % 37 === 5 ? Number.NaN : Math.sin(index), imagesPerSecond: 50 + (index % 7) });
    const lineOf = () => batchLines(curves.arms, "loss", axis, 0.5)[0]!;
    const growing = lineOf();
    const all = axis === "batch" ? 2000 : axis === "epoch" ? 20 : 380;
    const ranges = [
      [0, all],
      [all / 4, all / 2],
    ] as const;
    for (let end = 0; end < 1900; ) {
      // From none to several for a pixel at a time.
      const next = end + 1 + (end % 61);
      curves.addBatches(
        "single",
        Array.from({ length: next - end }, (_, n) => record(end + n)),
      );
      end = next;
      for (const range of end < 1000 ? ranges.slice(0, 1) : ranges) expect(growing.trace(range, 80)).toEqual(lineOf().trace(range, 80));
    }
  });
});

describe("by epoch", () => {
  const curves = comparison();
  curves.addEpoch("control", epoch(1, 0.4));
  curves.addEpoch("control", epoch(2, null));

  it("each arm has its tested epochs, where their last batches end", () => {
    const [control, student] = epochLines(curves, null, "batch");
    expect(control!.trace([0, 6], 300).line).toEqual({ x: [2], y: [0.4] });
    expect(epochLines(curves, null, "epoch")[0]!.trace([0, 3], 300).line.x).toEqual([1]);
    expect(student!.trace([0, 6], 300).line.x).toEqual([]);
    expect([control!.value(null), control!.value(1), control!.value(2.5), student!.value(null)]).toEqual([0.4, null, 0.4, null]);
  });

  it("takes epochs that come", () => {
    const [line] = epochLines(curves, null, "epoch");
    const [stamp, length] = [line!.stamp(), line!.trace([0, 3], 300).line.x.length];
    expect(line!.stamp()).toBe(stamp);
    curves.addEpoch("control", epoch(3, 0.5));
    expect(line!.stamp()).not.toBe(stamp);
    expect(line!.trace([0, 3], 300).line.x).toHaveLength(length + 1);
  });

  it("the teacher's line runs from edge to edge", () => {
    const teacher = epochLines(curves, 0.9, "batch").at(-1)!;
    expect(teacher).toMatchObject({ name: "Teacher", dashed: true });
    expect(teacher.trace([1, 5], 300).line).toEqual({ x: [1, 5], y: [0.9, 0.9] });
  });
});

describe("over the seeds of a sweep", () => {
  const curves = begunCurves(["control"], 2, 3);
  curves.addBatches("control", batches(4, 2));
  curves.addEpoch("control", epoch(1, 0.2));
  const epochs = [0.4, 0.5, 0.6].map((testAcc, index) => ({ epoch: index + 1, testAcc }));
  curves.addSeeds([{ seed: 1, arm: "control", directory: "/runs/sweep/seed-1/control", epochs }]);

  it("each arm has its mean, in a band from the lowest to the highest", () => {
    const [control, teacher] = seedLines(curves, 0.9, "batch");
    const { line, behind } = control!.trace([0, 6], 300);
    expect([line.x, line.y.map((y) => y.toFixed(2))]).toEqual([
      [2, 4, 6],
      ["0.30", "0.50", "0.60"],
    ]);
    expect(behind).toEqual({ x: [2, 4, 6, 6, 4, 2], y: [0.2, 0.5, 0.6, 0.6, 0.5, 0.4] });
    expect([control!.name, control!.band, control!.value(5), teacher!.name]).toEqual(["Control, mean", true, 0.5, "Teacher"]);
  });

  it("takes seeds that come, and is drawn anew then alone", () => {
    const curves = begunCurves(["control"], 2, 3);
    curves.addEpoch("control", epoch(1, 0.2));
    const [line] = seedLines(curves, null, "batch");
    const stamp = line!.stamp();
    curves.addBatches("control", batches(4, 2));
    expect(line!.trace([0, 6], 300).line.y).toEqual([0.2]);
    curves.addSeeds([{ seed: 1, arm: "control", directory: "/runs/sweep/seed-1/control", epochs }]);
    expect(line!.stamp()).not.toBe(stamp);
    expect([line!.trace([0, 6], 300).line.y.length, line!.value(2)]).toEqual([3, expect.closeTo(0.3)]);
  });

  it("by time, epochs that this seed has not reached are placed by what its batches took", () => {
    // Batches of 10 images at 100 a second.
    const { line } = seedLines(curves, null, "time")[0]!.trace([0, 6], 300);
    expect(line.x.map((x) => x.toFixed(2))).toEqual(["0.20", "0.40", "0.60"]);
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
