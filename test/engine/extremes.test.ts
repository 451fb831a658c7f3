// Settings at their ends: a comparison is right, or is told why not, and never silently full of NaN.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult } from "../../src-main/contract/run";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

useBackend(loadAddon());

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  folder = experimentFolder();
});
afterAll(() => folder.remove());

function softOf(recipe: Recipe, alpha: number, temperature: number): Recipe {
  const { terms, ...rest } = recipe.distillation!;
  return { ...recipe, distillation: { ...rest, labels: 1 - alpha, terms: [{ ...terms[0]!, weight: alpha, temperature }] as typeof terms } };
}

async function compared(name: string, recipe: Recipe): Promise<ComparisonResult> {
  const { result, failure } = await trainInto(folder.path(name), recipe);
  expect(failure).toBeNull();
  return result as ComparisonResult;
}

const losses = (name: string, arm: string) => readRun(folder.path(name, arm)).batches.map(({ loss }) => loss);

test("with alpha 0 the student is the control, bit by bit", async () => {
  await compared("alpha-0", softOf(smallRecipe(folder.teacher), 0, 2));
  const weights = (arm: string) => readFileSync(folder.path("alpha-0", arm, "student.safetensors")).toString("base64");
  expect(weights("student")).toBe(weights("control"));
});

test("with alpha 1 and a temperature of 0.05 all losses are numbers", async () => {
  await compared("cold", softOf(smallRecipe(folder.teacher), 1, 0.05));
  expect(losses("cold", "student").every(Number.isFinite)).toBe(true);
});

test.each([
  ["of which the last has one image", 19, 6],
  ["of one image each", 5, 1],
])("batches %s leave numbers in a network with batch norm", async (_, trainLimit, batchSize) => {
  const name = `batch-${batchSize}`;
  const recipe = smallRecipe(folder.teacher, { batchSize });
  const { student } = await compared(name, { ...recipe, data: { ...recipe.data, trainLimit, testLimit: 4 } });
  expect(losses(name, "student").every(Number.isFinite)).toBe(true);
  expect(student.testLoss).toSatisfy(Number.isFinite);
});

test("a batch larger than the data is all of the data", async () => {
  await compared("large", smallRecipe(folder.teacher, { batchSize: 8192 }));
  expect(losses("large", "control")).toHaveLength(2);
});

test("a learning rate that is far too high is named, or trains on in numbers", async () => {
  const { code, failure } = await trainInto(folder.path("fast"), smallRecipe(folder.teacher, { learningRate: 10, epochs: 4 }));
  if (code !== null) expect([code, failure]).toEqual(["DIVERGED", expect.stringContaining("train.learningRate")]);
  else expect(losses("fast", "student").every(Number.isFinite)).toBe(true);
});
