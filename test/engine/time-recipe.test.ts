import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { presetOf } from "../../src-main/contract/presets";
import { timeRecipe } from "../../src-main/engine/time-recipe";
import { backend, useBackend } from "../../src-main/tensor/tensor";

beforeAll(() => useBackend(loadAddon()));

test("a recipe's steps are measured in both arms, with its hint, and nothing stays in memory", async () => {
  const before = backend().memoryStats().inUse;
  const { recipe } = presetOf("demo");
  const timed = await timeRecipe({ ...recipe, augment: { ...recipe.augment, mixup: 0.2 } }, 10);
  expect(backend().memoryStats().inUse).toBe(before);
  for (const value of [...Object.values(timed.secondsPerImage), timed.bytesPerImage]) expect(value).toBeGreaterThan(0);
  // Weights and two moments of each, also of the hint's layer; mean and deviation of the teacher's 64 channels have none.
  const weights = timed.weightBytes / 4;
  expect(timed.checkpointBytes / 4).toBe(3 * (weights + 128 * 64 + 64) + 2 * 64);
  expect(timed.teacherBytes).toBeGreaterThan(4 * 272_474);
});

test("one model alone, on labels", async () => {
  const recipe = parseRecipe({ data: { path: "/none" }, student: { model: "resnet8_cifar10" }, train: { optimizer: "sgd", momentum: 0.9 } });
  const { secondsPerImage, teacherBytes } = await timeRecipe(recipe, 3);
  expect(secondsPerImage.student).toBe(secondsPerImage.control);
  expect(teacherBytes).toBe(0);
});

test("networks that cannot be are refused, and leave nothing", async () => {
  const before = backend().memoryStats().inUse;
  const { recipe } = presetOf("demo");
  await expect(timeRecipe({ ...recipe, student: { ...recipe.student, model: "no_such_model" } }, 10)).rejects.toThrow(/no_such_model/);
  expect(backend().memoryStats().inUse).toBe(before);
});
