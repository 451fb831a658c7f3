import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ComparisonResult, SweepResult } from "../../src-main/contract/run";
import { mean } from "../../src-main/contract/statistics";
import { atOnce } from "../../src-main/contract/turns";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { deleteRun } from "../../src-main/runs/delete";
import { answersAfter, readExamples } from "../../src-main/runs/examples";
import { summaryIn } from "../../src-main/runs/figures";
import { pictureFiles, predictionFiles, readPredictions } from "../../src-main/runs/predictions";
import { listRuns } from "../../src-main/runs/reader";
import { recipeOfRun } from "../../src-main/runs/request";
import { readSeeds } from "../../src-main/runs/seeds";
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
const besideArms = (out: string) => [predictionFiles(out).teacher, predictionFiles(out).teacherExamples, ...pictureFiles(out)];
const filesOf = (out: string) => [...besideArms(out), ...arms(out).flatMap((arm) => [predictionFiles(arm).last, predictionFiles(arm).examples])];
const contentsOf = (out: string) => filesOf(out).map((path) => readFileSync(path, "base64"));

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

test("the eight come with their pictures, what the teacher answers, and what each arm answered after every epoch", async () => {
  const { images, pictures, classes, teacher } = readExamples(whole.student.directory);
  expect(classes).toEqual(CIFAR10_CLASSES);
  const all = readPredictions(predictionFiles(whole.directory).teacher)!;
  const rows = images.map(({ name }) => all.images.indexOf(name));
  // The first of each class, in the order of the classes.
  const firsts = [...new Set([...all.labels].sort())].map((label) => all.labels.indexOf(label));
  expect(rows.slice(0, firsts.length)).toEqual(firsts.slice(0, 8));
  expect(images.map(({ label }) => label)).toEqual(rows.map((row) => all.labels[row]));
  expect([...teacher!]).toEqual(rows.flatMap((row) => [...all.probabilities.subarray(10 * row, 10 * row + 10)]));
  for (const picture of pictures) expect(await sharp(picture).metadata()).toMatchObject({ format: "png", width: 8, height: 8 });
  expect(pictures).toHaveLength(8);
  for (const directory of arms(whole.directory)) {
    const { epochs, probabilities } = answersAfter(directory, 0);
    expect([epochs, probabilities.length]).toEqual([[1, 2], 2 * 8 * 10]);
    const last = readPredictions(predictionFiles(directory).last)!;
    expect([...probabilities.subarray(80)]).toEqual(rows.flatMap((row) => [...last.probabilities.subarray(10 * row, 10 * row + 10)]));
    expect(answersAfter(directory, 1)).toEqual({ epochs: [2], probabilities: probabilities.subarray(80) });
  }
});

test("one thread and two keep the same bytes of the eight", async () => {
  const addon = loadAddon();
  const before = addon.threads();
  const contents: string[][] = [];
  try {
    for (const threads of [1, 2]) {
      addon.setThreads(threads);
      const out = folder.path(`threads-${threads}`);
      await trainInto(out, recipe());
      contents.push(contentsOf(out));
    }
  } finally {
    addon.setThreads(before);
  }
  expect(contents[0]).toEqual(contents[1]);
});

test("what they say is in the result", () => {
  const { control, student, interval, testImages, seeds } = whole;
  expect({ testImages, seeds }).toEqual({ testImages: 10, seeds: [3] });
  expect(interval![0]).toBeLessThanOrEqual(whole.difference);
  expect(interval![1]).toBeGreaterThanOrEqual(whole.difference);
  for (const { agreement, divergence, calibrationError, deviation } of [control, student]) {
    expect([agreement! * 10, divergence! > 0, calibrationError! > 0, deviation]).toEqual([expect.any(Number), true, true, null]);
  }
  const { classes, labels } = readPredictions(predictionFiles(student.directory).last)!;
  const counts = classes.map((_, label) => labels.filter((own) => own === label).length);
  expect(whole.yardstick).toEqual({ oneAnswer: Math.max(...counts) / 10, teacher: whole.teacher.testAcc });
  const stored = JSON.parse(readFileSync(join(whole.directory, "comparison.json"), "utf8"));
  expect(stored).toMatchObject({ interval, student: { agreement: student.agreement } });
  // The same is read from the folder, for the app.
  expect(atOnce(summaryIn(whole.directory))).toMatchObject({
    seeds,
    interval,
    testImages,
    student: { agreement: student.agreement, divergence: student.divergence },
  });
});

test("a run that was stopped and resumed has the same, without lines twice, and deleting it leaves nothing of them", async () => {
  const out = folder.path("stopped");
  expect((await trainInto(out, recipe(), { stopAfter: 10 })).code).toBe("INTERRUPTED");
  // As if the process had died before it was written.
  for (const path of besideArms(out)) rmSync(path);
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

test("of a run of an earlier version, the eight are what its tables have; without them there are none", async () => {
  const out = folder.path("earlier");
  await trainInto(out, recipe());
  const known = readExamples(join(out, "student"));
  for (const path of [predictionFiles(out).teacherExamples, ...pictureFiles(out)]) rmSync(path);
  expect(readExamples(join(out, "student"))).toEqual({ ...known, pictures: [] });
  rmSync(predictionFiles(out).teacher);
  expect(readExamples(join(out, "student"))).toEqual({ ...known, pictures: [], teacher: null });
  const { examples } = predictionFiles(join(out, "student"));
  writeFileSync(examples, readFileSync(examples, "utf8").replace(/\n2,.*\n/, "\n"));
  expect(() => answersAfter(join(out, "student"), 0)).toThrow("examples.csv is damaged: expected the same images in every epoch");
  rmSync(examples);
  expect(readExamples(join(out, "student"))).toEqual({ classes: [], images: [], pictures: [], teacher: null });
  expect(answersAfter(join(out, "student"), 0)).toEqual({ epochs: [], probabilities: new Float64Array(0) });
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

  expect(atOnce(summaryIn(out))).toMatchObject({ seeds: [3, 4, 5], interval: grown.interval, deviation: grown.deviation });
  expect(listRuns(out).map(({ sweep }) => sweep)).toEqual(Array(6).fill({ directory: out, first: 3, seeds: 3 }));
  expect(listRuns(whole.directory).map(({ sweep }) => sweep)).toEqual([null, null]);

  const seeds = readSeeds(join(out, "seed-3", "student"));
  expect(seeds.map(({ seed, arm }) => [seed, arm])).toEqual([3, 4, 5].flatMap((seed) => ["control", "student"].map((arm) => [seed, arm])));
  expect(seeds[3]).toEqual({
    seed: 4,
    arm: "student",
    directory: join(out, "seed-4", "student"),
    epochs: [{ epoch: 1, testAcc: grown.comparisons[1]!.student.testAcc }],
  });
  expect(readSeeds(whole.student.directory)).toEqual([]);

  // The app starts runs under names of which they may not be the first.
  const another = new Run({ kind: "compare", recipe: brief, out, resume: false, seeds: 2, unique: true }, nobody, new SameThread());
  expect(another.directory).toBe(`${out}-2`);
  await another.watch(0, () => {});

  rmSync(join(out, "seed-4", "comparison.json"));
  await expect(async () => growing(out, 1)).rejects.toThrow("sweep is not finished: seed-4 is open. Resume it first, then add seeds");
});

test("a comparison of one seed gets no more, and says what to do instead", async () => {
  await expect(async () => growing(whole.directory, 2)).rejects.toThrow(
    /whole holds a comparison of one seed, 3, .* --recipe \S+request\.json --set train\.seed=4 --seeds 2 --out \S+whole-more, .*one report on both folders/,
  );
});
