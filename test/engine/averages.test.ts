import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ComparisonResult } from "../../src-main/contract/run";
import { openDataset } from "../../src-main/data/open-dataset";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { evaluate } from "../../src-main/training/evaluate";
import { loadNetwork } from "../../src-main/training/network";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

test("the averaged weights are tested beside the student, and written as a student of their own", async () => {
  const recipe = smallRecipe(folder.teacher);
  const out = folder.path("averaged");
  const { result } = await trainInto(out, { ...recipe, train: { ...recipe.train, ema: 0.5 } });
  const { epochRecords } = readRun(`${out}/student`);
  expect(epochRecords.every(({ emaAcc, emaLoss, testLoss }) => emaAcc !== null && emaLoss !== testLoss)).toBe(true);
  const weights = `${out}/student/student-ema.safetensors`;
  expect(readFileSync(weights).equals(readFileSync(`${out}/student/student.safetensors`))).toBe(false);
  const network = loadNetwork({ model: recipe.student.model, weights });
  const data = await openDataset(recipe.data);
  const { accuracy, loss } = await evaluate(network, data.test, { batchSize: recipe.train.batchSize, precision: "fp32", yieldPoint: async () => {} });
  expect({ accuracy, loss }).toEqual({ accuracy: epochRecords.at(-1)!.emaAcc, loss: epochRecords.at(-1)!.emaLoss });
  expect((result as ComparisonResult).student.emaAcc).toBe(accuracy);
  network.model.release();
  data.release();
});
