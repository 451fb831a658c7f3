import { expect, it } from "vitest";
import { fittedWeightsIn, presetOf, presetsFor, SAME_LABELS_TEACHER } from "../../src-main/contract/presets";

it("the article's preset has the published settings", () => {
  const { recipe } = presetOf("article");
  expect(recipe.student).toMatchObject({ model: "vit_tiny_patch16_224", imageSize: 224, weights: null });
  expect(recipe.teacher?.imageSize).toBe(32);
  expect(recipe.distillation).toEqual({ labels: 0.38, terms: [{ kind: "soft", weight: 0.62, temperature: 0.212 }], images: "all", cacheTeacher: true });
  expect(recipe.train).toMatchObject({
    epochs: 5,
    batchSize: 128,
    optimizer: "adamw",
    learningRate: 1e-4,
    weightDecay: 0.01,
    decay: "all",
    schedule: "cosine-epoch",
  });
  expect(recipe.control?.train).toEqual({ learningRate: 1e-3 });
  expect(recipe.augment).toEqual({ crop: 0, flip: false, views: null, mixup: 0, cutmix: 0, resizedCrop: 0, erase: 0 });
});

it.each(presetsFor("comparison").map((preset) => [preset.title, preset] as const))("%s compares, on what is bundled", (_, { id, recipe }) => {
  expect(recipe.data.path).toBe("bundled");
  expect(recipe.teacher?.weights).toBe(id === "same-labels" ? fittedWeightsIn(SAME_LABELS_TEACHER) : "bundled");
  expect(recipe.distillation).not.toBeNull();
});
