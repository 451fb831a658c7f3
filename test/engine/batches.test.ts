// train.batches: runs that end within an epoch.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { runFiles } from "../../src-main/runs/files";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let recipe: Recipe;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
  // Of 6 batches in 2 epochs, and 4 more that are never trained.
  recipe = { ...smallRecipe(folder.teacher, { epochs: 3, batches: 5 }), distillation: null, teacher: null };
});
afterAll(() => folder.remove());

const weightsOf = (out: string) => readFileSync(runFiles(out).weights).toString("base64");

test("a run that ends within an epoch is finished, and says of how many epochs", async () => {
  const out = folder.path("whole");
  const { result } = await trainInto(out, recipe);
  expect(result).toMatchObject({ epochs: 2, testAcc: expect.any(Number) });
  const { state, epochs, epochsDone, batches, evidenceDamage } = readRun(out);
  expect({ state, epochs, epochsDone, batches: batches.length, evidenceDamage }).toEqual({
    state: "finished",
    epochs: 2,
    epochsDone: 2,
    batches: 5,
    evidenceDamage: null,
  });
  expect((await trainInto(out, recipe, { resume: true })).result).toEqual(result);
  expect(readRun(out).batches).toHaveLength(5);
});

describe("stopped and resumed, it ends in the same bits", () => {
  // In the first epoch, between both, in the second.
  test.each([1, 3, 4])("after batch %i", async (stopAfter) => {
    const out = folder.path(`stopped-${stopAfter}`);
    expect((await trainInto(out, recipe, { stopAfter })).code).toBe("INTERRUPTED");
    expect((await trainInto(out, recipe, { resume: true })).code).toBeNull();
    expect(weightsOf(out)).toBe(weightsOf(folder.path("whole")));
  });
});

test("a run is not resumed for another number of batches", async () => {
  const { failure } = await trainInto(folder.path("whole"), { ...recipe, train: { ...recipe.train, batches: 6 } }, { resume: true });
  expect(failure).toContain("was started with train.batches 5, and the recipe now says 6");
});
