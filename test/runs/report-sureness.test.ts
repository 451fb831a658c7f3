import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { atOnce } from "../../src-main/contract/turns";
import { runFiles } from "../../src-main/runs/files";
import { type Predictions, predictionFiles, writePredictions } from "../../src-main/runs/predictions";
import { writeReport } from "../../src-main/runs/report";
import { writeRequest } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { finishedRun, start } from "./example-run";
import { textOf } from "./page-text";
import { controlRecipe, reportOn } from "./report-on";

useBackend(loadAddon());

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-report-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

const report = (format: "html" | "csv" | "json", ...runs: string[]) => reportOn(parent, format, ...runs);

describe("how sure the difference is", () => {
  const LABELS = [0, 1, 0, 1, 0, 1, 0, 1];
  /** Right in these of the eight test images, and sure of it by 80 %. */
  const answers = (right: readonly number[]): Predictions => ({
    classes: start.classes,
    images: LABELS.map((_, image) => String(image)),
    labels: Int32Array.from(LABELS),
    probabilities: Float64Array.from(LABELS.flatMap((label, n) => ((label === 0) === right.includes(n) ? [0.8, 0.2] : [0.2, 0.8]))),
  });
  const ALL = LABELS.map((_, image) => image);

  function predicted(folder: string, { seed = 0, gain = 0, data = {} }: { seed?: number; gain?: number; data?: Partial<Recipe["data"]> } = {}): string {
    const directory = join(parent, folder);
    for (const [arm, recipe] of [
      ["control", controlRecipe],
      ["student", start.recipe],
    ] as const) {
      const run = join(directory, arm);
      finishedRun(run, { arm, recipe: { ...recipe, data: { ...recipe.data, ...data }, train: { ...recipe.train, seed } } });
      writePredictions(predictionFiles(run).last, answers(arm === "control" ? [0, 1, 2] : [0, 1, 2, 3, 4, 5]));
    }
    writePredictions(predictionFiles(directory).teacher, answers(ALL));
    const { epochs } = runFiles(join(directory, "student"));
    writeFileSync(epochs, readFileSync(epochs, "utf8").replace("0.52,", `${0.52 + gain},`));
    return directory;
  }

  test("over test images: an interval, how it was computed, and what the answers say", () => {
    const text = textOf(report("html", predicted("one", { gain: 0.375 })));
    // Three of eight images are gained: resamples of eight give 0 ... 1, and 2.5 % of them at most 0.
    expect(text).toMatch(/\(95 %: \+0\.0 to \+75\.0; 1 seed; 8 test images\)\. .*Paired bootstrap: the 8 test images/);
    expect(text).toMatch(/Agrees with the teacher share of .+? 37\.5 % 75\.0 %/);
    // That interval holds zero: the box says so before it gives the difference.
    expect(text).toMatch(
      /No difference shown yet: with the teacher the student classifies .+ than the control, .+\. It may be chance\. No difference shown yet: the student is/,
    );
    // 0.8 ln 4 - 0.2 ln 4 in each image that differs.
    expect(text).toMatch(/KL to the teacher .+? 0\.520 0\.208/);
    expect(text).toMatch(/Calibration error \(ECE\) .+? 42\.5 % 5\.0 %/);
    expect(text).toMatch(/Soft labels .* Teacher Control Student (\w+) 0 (\w+) 80\.0 % (\w+) 20\.0 % \2 80\.0 % \3 20\.0 % \2 80\.0 %/);
  });

  test("over seeds: means, deviations and the interval of the paired differences", () => {
    const seeds = [0.18, 0.17, 0.19].map((gain, seed) => predicted(`seed-${seed}`, { seed, gain }));
    const html = report("html", ...seeds);
    expect(html).toContain("<title>demo, 3 comparisons –");
    const text = textOf(html);
    expect(text).toContain("demo, over 3 seeds The teacher adds 18.0 points (95 %: +15.5 to +20.5; 3 seeds; 8 test images).");
    expect(text).toContain("Mean ± standard deviation +18.0 points ± 1.0 52.0 % ± 0.0 70.0 % ± 1.0");
  });

  test("json has the figures of each comparison and, over seeds, their summary", () => {
    const seeds = [0.18, 0.17, 0.19].map((gain, seed) => predicted(`seed-${seed}`, { seed, gain }));
    const { comparisons, summary, runs } = JSON.parse(report("json", ...seeds));
    expect(runs).toHaveLength(6);
    expect(comparisons).toMatchObject([{}, { seed: 1, name: "demo", directory: "seed-1", control: { agreement: 0.375 }, student: { agreement: 0.75 } }, {}]);
    expect(comparisons[1].difference).toBeCloseTo(0.17, 12);
    expect(summary).toMatchObject({
      seeds: [0, 1, 2],
      intervalOver: "seeds",
      moreSeeds: null,
      testImages: 8,
      student: { deviation: expect.closeTo(0.01, 12) },
    });
    expect(summary.interval).toEqual([expect.closeTo(0.1552, 4), expect.closeTo(0.2048, 4)]);
    const alone = JSON.parse(report("json", seeds[0]!, join(seeds[1]!, "student")));
    expect(alone).toMatchObject({ comparisons: [{ seed: 0, testImages: 8 }], summary: null });
  });

  test("says which seed of a sweep is missing, unless the report is not of the whole sweep", () => {
    mkdirSync(join(parent, "sweep"));
    writeRequest(join(parent, "sweep"), { recipe: start.recipe, seeds: 3, labels: null, arms: ["control", "student"] });
    const [first, second, third] = [0.18, 0.17, 0.19].map((gain, seed) => predicted(`sweep/seed-${seed}`, { seed, gain }));
    const words = "Not all of the 3 seeds that were asked for are in this result";
    expect(textOf(report("html", first!, second!, third!))).not.toContain(words);
    expect(textOf(report("html", first!, third!))).not.toContain(words);
    rmSync(second!, { recursive: true });
    expect(textOf(report("html", join(parent, "sweep")))).toContain(`${words}: seed 1 is missing, deleted or not finished.`);
  });

  test("over seeds that disagree: nothing is shown yet, and how many more would be needed", () => {
    const folders = [-0.01, 0.01, 0.03].map((gain, seed) => predicted(`seed-${seed}`, { seed, gain }));
    for (const folder of folders) rmSync(predictionFiles(join(folder, "student")).last);
    expect(textOf(report("html", ...folders))).toContain(
      "It may be chance. If the true difference is this large, about 15 more seeds would be needed to show it.",
    );
  });

  test("of models that are right on half of two classes: neither has learned anything, so more seeds would show nothing", () => {
    const folders = [0, 1].map((seed) => predicted(`seed-${seed}`, { seed }));
    for (const those of [folders, folders.slice(1)]) {
      const text = textOf(report("html", ...those));
      expect(text).toContain("Neither model has learned the classes beyond chance: always naming the largest class would be right on 50.0 %");
      expect(text).not.toMatch(/Compare more seeds|more seeds would be needed/);
    }
  });

  test("over numbers of labels: a point for each, with its seeds, as table and chart", () => {
    const at = (labelled: number, ...gains: number[]) =>
      gains.map((gain, seed) => predicted(`labels-${labelled}-${seed}`, { seed, gain, data: { labelled, unlabelled: labelled === 5000 ? null : "rest" } }));
    // The one with all labels comes first, and has no images without.
    const folders = [...at(5000, 0.05, 0.06), ...at(1000, 0.11, 0.13), ...at(250, 0.2, 0.22)];
    const html = report("html", ...folders);
    const text = textOf(html);
    expect(text).toContain("demo: gain against number of labels Means over 2 seeds, with their standard deviation");
    expect(text).toMatch(/250 \+21\.0 points .+? 52\.0 % ± 0\.0 73\.0 % ± 1\.4 2 1000 \+12\.0 points .+? 2 5000 \+5\.5 points/);
    expect(text).not.toMatch(/took fewer steps|over 2 seeds The/);
    const [chart] = html.split("<svg").slice(1);
    expect([...chart!.matchAll(/<text class="tick middle"[^>]*>(\d+)</g)].map(([, x]) => x)).toEqual(["250", "1000", "5000"]);
    // One more setting that differs makes it another experiment.
    const other = predicted("other", { seed: 7, data: { labelled: 500, trainLimit: 4000 } });
    expect(textOf(report("html", ...folders, other))).not.toContain("gain against number of labels");
  });

  test("comparisons of the same seed are not taken together", () => {
    expect(textOf(report("html", predicted("a"), predicted("b")))).not.toContain("over 2 seeds");
  });

  test("what is damaged is told to whoever asks for the report, too", () => {
    const directory = join(parent, "single");
    finishedRun(directory, { arm: "single", recipe: { ...controlRecipe, name: "my run" } }, 3);
    const told: string[] = [];
    const write = (out: string) => atOnce(writeReport({ runs: [directory], format: "html", out: join(parent, out) }, { onDamage: (text) => told.push(text) }));
    write("whole.html");
    expect(told).toEqual([]);
    writeFileSync(runFiles(directory).evidence, "{}\n");
    write("damaged.html");
    expect(told).toEqual([expect.stringMatching(`^${directory} is damaged, so nothing of it is proven: evidence.jsonl was changed`)]);
  });

  test("a run of one arm is called by its name, not Control", () => {
    const directory = join(parent, "single");
    finishedRun(directory, { arm: "single", recipe: { ...controlRecipe, name: "my run" } }, 3);
    const text = textOf(report("html", directory));
    expect(text).toContain("my run");
    expect(text).not.toContain("Control");
  });

  test("predictions that are missing or damaged: the rest of the report stays, and says so", () => {
    const directory = predicted("old");
    rmSync(join(directory, "control", "predictions"), { recursive: true });
    const text = textOf(report("html", directory));
    expect(text).not.toMatch(/confidence|Agrees/);
    writeFileSync(predictionFiles(join(directory, "student")).last, "image,class,cat,dog\n0,cat,0.5\n");
    expect(textOf(report("html", directory))).toMatch(/Figures that need predictions are missing: .*last\.csv is damaged: line 2: expected an image/);
  });
});
