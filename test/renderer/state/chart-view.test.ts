import { describe, expect, it } from "vitest";
import { ChartView, firstFrom, horizon, nearestTo, placeOf } from "../../../src-renderer/state/chart-view.svelte";
import { Curves } from "../../../src-renderer/state/curves.svelte";
import { batches, begunCurves } from "../fakes";

/** Two epochs of 4 batches of 10 images, at 100 images a second. */
function comparison(): Curves {
  const curves = begunCurves(["control", "student"], 4, 5);
  curves.addBatches("control", batches(8, 4));
  curves.addBatches("student", batches(6, 4, { imagesPerSecond: 50 }));
  return curves;
}
const near = (range: readonly number[]) => range.map((value) => Number(value.toFixed(3)));

it.each([
  [0, 10, 8, 20],
  [5, 10, 8, 20],
  [18, 10, 8, 30],
  [70, 10, 8, 80],
  [80, 10, 8, 80],
  [3, 10, 1, 10],
])("after %i batches in epochs of %i, a run of %i epochs is shown up to batch %i", (done, perEpoch, epochs, end) => {
  expect(horizon(done, perEpoch, epochs)).toBe(end);
});

it.each([
  ["batch", [1, 2, 8], 3],
  ["epoch", [0.25, 0.5, 2], 0.75],
  ["time", [0.1, 0.2, 0.8], 0.3],
] as const)("batches have their places along x by %s", (axis, [first, second, last], third) => {
  const [arm] = comparison().arms;
  expect([0, 1, 7].map((index) => placeOf(arm!, index, axis))).toEqual([first, second, last].map((value) => expect.closeTo(value, 6)));
  expect(firstFrom(arm!, third - 0.01, axis)).toBe(2);
  expect([firstFrom(arm!, -1, axis), firstFrom(arm!, 99, axis)]).toEqual([0, 8]);
  expect([nearestTo(arm!, third, axis), nearestTo(arm!, 99, axis)]).toEqual([2, null]);
});

describe("the view", () => {
  it("follows the run until a part is chosen, and again after one act", () => {
    const [view, curves] = [new ChartView(), comparison()];
    expect(near(view.range(curves))).toEqual([0, 12.18]);
    view.zoomTo([2, 5], curves);
    curves.addBatches("control", batches(16, 4));
    expect(view.range(curves)).toEqual([2, 5]);
    view.follow();
    expect(near(view.range(curves))).toEqual([0, 20.3]);
  });

  it("shows the first epoch, along whatever x", () => {
    const [view, curves] = [new ChartView(), comparison()];
    for (const [axis, end] of [
      ["batch", 4],
      ["epoch", 1],
      ["time", 0.8],
    ] as const) {
      view.showBy(axis);
      expect(view.zoom).toBeNull();
      view.firstEpoch(curves);
      expect(near(view.range(curves))).toEqual([0, end]);
    }
  });

  it("zooms around a place and pans, but not beyond what there is", () => {
    const [view, curves] = [new ChartView(), comparison()];
    view.zoomAround(4, 0.5, curves);
    expect(near(view.range(curves))).toEqual([2, 8.09]);
    view.pan(-1, curves);
    expect(near(view.range(curves))).toEqual([0, 6.09]);
    view.pan(9, curves);
    expect(near(view.range(curves))).toEqual([6.09, 12.18]);
    view.zoomBy(4, curves);
    expect(view.zoom).toBeNull();
  });

  it("goes as far in time as the slowest arm would", () => {
    const [view, curves] = [new ChartView(), comparison()];
    view.showBy("time");
    expect(near(view.range(curves))).toEqual([0, near([12 * 0.2 * 1.015])[0]]);
    expect(view.range(new Curves())[1]).toBeGreaterThan(0);
  });

  it("says where the cursor is", () => {
    const [view, curves] = [new ChartView(), comparison()];
    expect(view.placeInWords(curves)).toBeNull();
    view.cursor = 5.2;
    expect(view.placeInWords(curves)).toBe("Batch 5, epoch 2");
    view.showBy("epoch");
    view.cursor = 1.5;
    expect(view.placeInWords(curves)).toBe("Batch 6, epoch 2");
    view.showBy("time");
    view.cursor = 125;
    expect(view.placeInWords(curves)).toBe("2 min 5 s of training");
  });
});
