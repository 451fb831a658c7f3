import { expect, test } from "vitest";
import { modelNames } from "../../src-main/contract/families";
import { firstComparison } from "../../src-main/contract/first-comparison";
import { parseRecipe } from "../../src-main/contract/parse-recipe";

const { data } = parseRecipe({ data: { path: "/photos", testShare: 0.3 }, student: { model: "resnet8_cifar10" } });
const backbone = { model: "tf_efficientnet_lite0", weights: "/teacher.safetensors", imageSize: 160 };
const recipeOf = (images: number, teacher = backbone) => parseRecipe(firstComparison(data, teacher, images));

test("a student of few images learns where the teacher's features are, for as many epochs as few images need", () => {
  const { distillation, student, train, control } = recipeOf(360);
  expect(distillation).toMatchObject({ labels: 1, terms: [{ kind: "features", weight: 40, studentStage: "layer3", teacherStage: "stage5" }] });
  expect([student.model, train.epochs, train.evaluateEvery, control]).toEqual(["resnet20_cifar10", 100, 5, { train: {} }]);
  expect([100, 360, 1920, 5000].map((images) => recipeOf(images).train.epochs)).toEqual([100, 100, 31, 16]);
});

test("one of many images is a transformer, and of very many takes soft labels, so that what the teacher says can be kept", () => {
  for (const images of [5000, 15_000])
    expect(recipeOf(images)).toMatchObject({
      student: { model: "vit_micro_patch4_32", patchSize: 8 },
      distillation: { labels: 1, terms: [{ kind: "locality", block: 4, stage: "stage5" }] },
    });
  // Which needs a teacher with maps.
  expect(recipeOf(15_000, { ...backbone, model: "vit_tiny_patch16_224" }).distillation!.terms[0]!.kind).toBe("soft");
  expect(recipeOf(50_000).distillation).toMatchObject({ terms: [{ kind: "soft", temperature: 2, weight: 0.8 }] });
});

test("the data are named as they were chosen", () => {
  expect(firstComparison(data, backbone, 360).data).toEqual({ path: "/photos", testShare: 0.3 });
});

test.each(modelNames)("%s may be its teacher", (model) => {
  for (const images of [100, 5000, 50_000]) expect(recipeOf(images, { ...backbone, model }).teacher!.model).toBe(model);
});
