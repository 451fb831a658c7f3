// Comparisons with few labels, and the best epoch by validation images, in run folders.
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { bestEpoch } from "../../src-main/contract/best-epoch";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult, TrainResult } from "../../src-main/contract/run";
import { readPredictions } from "../../src-main/runs/predictions";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** 60 images: 20 held back, 10 labelled, 30 without a label. */
const fewLabels = (): Recipe => {
  const recipe = smallRecipe(folder.teacher, { epochs: 3 });
  return { ...recipe, data: { ...recipe.data, trainLimit: 60, validation: 20, labelled: 10, unlabelled: "rest" } };
};
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("with few labels both arms take as many steps, and the images differ by design; resumed, they end in the same bits", async () => {
  const [whole, resumed] = [folder.path("whole"), folder.path("resumed")];
  const { result, said } = (await trainInto(whole, fewLabels())) as { result: ComparisonResult; said: string[] };
  expect(said).toContainEqual(expect.stringMatching(/^10 training images have labels, 30 have none: .*; 20 images are held back for validation$/));
  expect(result).toMatchObject({ controlled: false, differentImages: true, tunedSeparately: false });
  expect(result.reason).toMatch(/^different images by design/);
  const [control, student] = ["control", "student"].map((arm) => readRun(`${whole}/${arm}`));
  expect([control!.batches.length, student!.batches.length]).toEqual([15, 15]);
  expect(control!.hashes).toMatchObject({ data: student!.hashes.data, initialWeights: student!.hashes.initialWeights });

  await trainInto(resumed, fewLabels(), { stopAfter: 17 });
  const again = (await trainInto(resumed, fewLabels(), { resume: true })) as { result: ComparisonResult };
  for (const arm of ["control", "student"] as const) {
    expect(again.result[arm].best).toEqual(result[arm].best);
    for (const file of ["student.safetensors", "student-best.safetensors", "predictions/best.csv", "predictions/last.csv"])
      expect(hashOf(`${resumed}/${arm}/${file}`)).toBe(hashOf(`${whole}/${arm}/${file}`));
  }
});

test("the best epoch's weights and predictions are kept beside the last's; a resumed run says if they are gone", async () => {
  const recipe = { ...fewLabels(), distillation: null, teacher: null, control: null };
  const [out, stopped] = [folder.path("best"), folder.path("stopped")];
  const { result } = (await trainInto(out, recipe)) as { result: TrainResult };
  const run = readRun(out);
  expect(result.best).toEqual(bestEpoch(run.epochRecords));
  const { labels, probabilities, classes } = readPredictions(`${out}/predictions/best.csv`)!;
  const right = labels.filter((label, n) => {
    const row = [...probabilities.subarray(n * classes.length, (n + 1) * classes.length)];
    return row.indexOf(Math.max(...row)) === label;
  });
  expect(right.length / labels.length).toBe(result.best!.testAcc);

  await trainInto(stopped, recipe, { stopAfter: 7 });
  rmSync(`${stopped}/student-best.safetensors`);
  const { said } = await trainInto(stopped, recipe, { resume: true });
  expect(said).toContainEqual(expect.stringMatching(/student-best\.safetensors, of epoch 1, is gone/));
});
