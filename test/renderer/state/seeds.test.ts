import { expect, test } from "vitest";
import type { SeedCourse } from "../../../src-main/contract/run";
import { ChartView } from "../../../src-renderer/state/chart-view.svelte";
import { seedsInWords } from "../../../src-renderer/state/seeds";
import { begunCurves, epoch } from "../fakes";

const seed = (number: number, arm: "control" | "student", ...accuracies: number[]): SeedCourse => ({
  seed: number,
  arm,
  directory: `/runs/sweep/seed-${number}/${arm}`,
  epochs: accuracies.map((testAcc, index) => ({ epoch: index + 1, testAcc })),
});

/** The arms of seed "one", in epochs of 2 batches; after its first epoch. */
function run() {
  const curves = begunCurves(["control", "student"], 2, 3);
  curves.addEpoch("control", epoch(1, 0.2));
  curves.addEpoch("control", epoch(2, null));
  return curves;
}

test("each epoch has the mean, the lowest and the highest of the seeds that have it, and their number", () => {
  const curves = run();
  curves.addSeeds([seed(1, "control", 0.4, 0.5), seed(1, "student", 0.6), seed(2, "control", 0.3, 0.7)]);
  const control = curves.overSeeds.get("control")!;
  expect(control.map(({ epoch, seeds, lowest, highest }) => [epoch, seeds, lowest, highest])).toEqual([
    [1, 3, 0.2, 0.4],
    [2, 2, 0.5, 0.7],
  ]);
  expect(control[0]!.mean).toBeCloseTo(0.3);
  expect(curves.overSeeds.get("student")).toEqual([{ epoch: 1, seeds: 1, mean: 0.6, lowest: 0.6, highest: 0.6 }]);
});

test("the seed on screen counts once, as it is known live", () => {
  const curves = run();
  const own = { ...seed(0, "control", 0.9), directory: "/runs/one/control" };
  curves.addSeeds([own, { ...own, arm: "student", directory: "/runs/one/student" }]);
  expect(curves.otherSeeds).toEqual([]);
  expect(curves.overSeeds.get("control")!).toMatchObject([{ epoch: 1, seeds: 1, mean: 0.2 }]);
});

test("how many seeds there are is said for each epoch, of the arms apart where they differ", () => {
  const after = (...seeds: number[]) => seeds.map((count, index) => ({ epoch: index + 1, seeds: count, mean: 0, lowest: 0, highest: 0 }));
  const words = (control: number[], student: number[]) =>
    seedsInWords([
      { name: "Control", after: after(...control) },
      { name: "Student", after: after(...student) },
    ]);
  expect(words([3, 3, 3, 2], [3, 3, 3, 2])).toBe("3 seeds in epochs 1 to 3, 2 in epoch 4");
  expect(words([2, 1], [1])).toBe("Control: 2 seeds in epoch 1, 1 in epoch 2; Student: 1 seed in epoch 1");
  expect(words([], [])).toBe("");
});

test("charts reach as far as any seed has come, unless this one alone is looked at", () => {
  const curves = run();
  curves.addSeeds([seed(1, "control", 0.4, 0.5, 0.6)]);
  const view = new ChartView();
  expect(view.whole(curves)[1]).toBeGreaterThan(6);
  view.allSeeds = false;
  expect(view.whole(curves)[1]).toBeLessThan(5);
});

test("averaged weights have a mean over all seeds, and none where one seed lacks them", () => {
  const curves = run();
  curves.addEpoch("control", { ...epoch(3, 0.3), emaAcc: 0.4 });
  const other = seed(1, "control", 0.4, 0.5);
  curves.addSeeds([{ ...other, epochs: other.epochs.map((each) => ({ ...each, emaAcc: 0.6 })) }]);
  expect(curves.averagedOverSeeds("control")).toBeCloseTo(0.5);
  curves.addSeeds([other]);
  expect(curves.averagedOverSeeds("control")).toBeNull();
  expect(curves.averagedOverSeeds("student")).toBeNull();
});
