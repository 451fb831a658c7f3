import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ComparisonResult, SweepResult } from "../../src-main/contract/run";
import { mean } from "../../src-main/contract/statistics";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { deleteRun } from "../../src-main/runs/delete";
import { summaryIn } from "../../src-main/runs/figures";
import { predictionFiles, readPredictions } from "../../src-main/runs/predictions";
import { listRuns } from "../../src-main/runs/reader";
import { recipeOfRun } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { CIFAR10_CLASSES, experimentFolder, nobody, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let whole: ComparisonResult;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  whole = (await trainInto(folder.path("whole"), recipe())).result as ComparisonResult;
});
afterAll(() => folder.remove());

const recipe = () => smallRecipe(folder.teacher);
const arms = (out: string) => [join(out, "control"), join(out, "student")];
const filesOf = (out: string) => [predictionFiles(out).teacher, ...arms(out).flatMap((arm) => [predictionFiles(arm).last, predictionFiles(arm).examples])];
const contentsOf = (out: string) => filesOf(out).map((path) => readFileSync(path, "utf8"));

test("a comparison keeps the answers of its arms and its teacher to all test images, and to eight of them after every epoch", () => {
  const { last, examples } = predictionFiles(whole.student.directory);
  const predictions = readPredictions(last)!;
  expect([predictions.images.length, predictions.classes]).toEqual([10, CIFAR10_CLASSES]);
  const right = predictions.images.map((_, n) => {
    const row = predictions.probabilities.subarray(10 * n, 10 * n + 10);
    expect(mean([...row])).toBeCloseTo(0.1, 8);
    return row.indexOf(Math.max(...row)) === predictions.labels[n] ? 1 : 0;
  });
  expect(mean(right)).toBe(whole.student.testAcc);
  const lines = readFileSync(examples, "utf8").trimEnd().split("\n").slice(1);
  expect(lines.map((line) => Number(line.split(",")[0]))).toEqual([...new Array(8).fill(1), ...new Array(8).fill(2)]);
  // After the last epoch, the eight are among all.
  for (const line of lines.slice(8)) expect(readFileSync(last, "utf8")).toContain(`\n${line.slice(2)}\n`);
});

test("what they say is in the result", () => {
  const { control, student, interval, testImages, seeds } = whole;
  expect({ testImages, seeds }).toEqual({ testImages: 10, seeds: [3] });
  expect(interval![0]).toBeLessThanOrEqual(whole.difference);
  expect(interval![1]).toBeGreaterThanOrEqual(whole.difference);
  for (const { agreement, divergence, calibrationError, deviation } of [control, student]) {
    expect([agreement! * 10, divergence! > 0, calibrationError! > 0, deviation]).toEqual([expect.any(Number), true, true, null]);
  }
  const stored = JSON.parse(readFileSync(join(whole.directory, "comparison.json"), "utf8"));
  expect(stored).toMatchObject({ interval, student: { agreement: student.agreement } });
  // The same is read from the folder, for the app.
  expect(summaryIn(whole.directory)).toMatchObject({ seeds, interval, testImages, student: { agreement: student.agreement, divergence: student.divergence } });
});

test("a run that was stopped and resumed has the same, without lines twice, and deleting it leaves nothing of them", async () => {
  const out = folder.path("stopped");
  expect((await trainInto(out, recipe(), { stopAfter: 10 })).code).toBe("INTERRUPTED");
  // As if the process had died before it was written.
  rmSync(predictionFiles(out).teacher);
  const { result } = await trainInto(out, recipe(), { resume: true });
  expect(contentsOf(out)).toEqual(contentsOf(whole.directory));
  expect((result as ComparisonResult).interval).toEqual(whole.interval);
  expect(deleteRun(out).kept).toEqual([]);
  expect(existsSync(out)).toBe(false);
});

test("a finished comparison without predictions, as of an earlier version, is finished once more without their figures", async () => {
  for (const path of filesOf(whole.directory)) rmSync(path);
  const { result, said } = await trainInto(whole.directory, recipe(), { resume: true });
  expect(result).toMatchObject({ interval: null, intervalOver: null, testImages: null, student: { agreement: null, calibrationError: null } });
  expect(said).toEqual([]);
});

function growing(out: string, addSeeds: number) {
  const run = () => new Run({ kind: "compare", recipe: recipeOfRun(out, "compare"), out, resume: true, addSeeds }, nobody, new SameThread());
  return run().watch(0, () => {});
}

test("seeds are added to a finished sweep, and only to one", async () => {
  const out = folder.path("sweep");
  const brief = smallRecipe(folder.teacher, { epochs: 1 });
  const sweep = (seeds: number) => new Run({ kind: "compare", recipe: brief, out, resume: false, seeds }, nobody, new SameThread());
  await sweep(2).watch(0, () => {});
  const grown = (await growing(out, 1)) as SweepResult;
  expect([grown.seeds, grown.intervalOver, grown.comparisons.length]).toEqual([[3, 4, 5], "seeds", 3]);
  expect(readdirSync(out).filter((name) => name.startsWith("seed-"))).toEqual(["seed-3", "seed-4", "seed-5"]);

  expect(summaryIn(out)).toMatchObject({ seeds: [3, 4, 5], interval: grown.interval, deviation: grown.deviation });
  expect(listRuns(out).map(({ sweep }) => sweep)).toEqual(Array(6).fill({ directory: out, seeds: 3 }));
  expect(listRuns(whole.directory).map(({ sweep }) => sweep)).toEqual([null, null]);

  rmSync(join(out, "seed-4", "comparison.json"));
  await expect(async () => growing(out, 1)).rejects.toThrow("sweep is not finished: seed-4 is open. Resume it first, then add seeds");
});

test("a comparison of one seed gets no more, and says what to do instead", async () => {
  await expect(async () => growing(whole.directory, 2)).rejects.toThrow(
    /whole holds a comparison of one seed, 3, .* --recipe \S+request\.json --set train\.seed=4 --seeds 2 --out \S+whole-more, .*one report on both folders/,
  );
});
