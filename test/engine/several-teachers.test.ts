import { copyFileSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

/** Weights of an untrained teacher. */
function weightsOf(seed: number, classes = CIFAR10_CLASSES): string {
  const path = folder.path(`${seed}-${classes[0]}.safetensors`);
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed });
  saveWeights(model, path, { classes, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
  return path;
}

function recipeWith(weights: string): Recipe {
  const { teacher, ...recipe } = smallRecipe(folder.teacher);
  return parseRecipe({ ...recipe, teacher: { ...teacher, others: [{ model: "resnet20_cifar10", weights, imageSize: 8, weight: 0.5 }] } });
}

const student = (out: string) => readFileSync(`${out}/student/student.safetensors`);

test("a student of several teachers resumes in the same bits, from the same teachers alone", async () => {
  const [whole, resumed, second] = [folder.path("whole"), folder.path("resumed"), folder.path("second.safetensors")];
  copyFileSync(weightsOf(11), second);
  const recipe = recipeWith(second);
  const { said } = await trainInto(whole, recipe);
  expect(said).toContain(
    "the student learns from 2 teachers, by the weighted mean of their logits; the accuracy that is given for the teacher is that of the first, resnet20_cifar10",
  );
  await trainInto(resumed, recipe, { stopAfter: 4 });
  copyFileSync(weightsOf(12), second);
  expect((await trainInto(resumed, recipe, { resume: true })).failure).toMatch(/was started with another teacher's weights/);
  copyFileSync(weightsOf(11), second);
  expect((await trainInto(resumed, recipe, { resume: true })).code).toBeNull();
  expect(student(resumed).equals(student(whole))).toBe(true);
});

test("one of them that does not fit the data is named", async () => {
  const weights = weightsOf(
    11,
    CIFAR10_CLASSES.map((name) => `${name}s`),
  );
  const { code, failure } = await trainInto(folder.path("unfit"), recipeWith(weights));
  expect(code).toBe("INPUT");
  expect(failure).toContain(`the teacher (${weights}) was trained for other classes than the data has`);
});
