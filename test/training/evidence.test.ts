import { expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Dataset } from "../../src-main/data/dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { Planner } from "../../src-main/training/plan";
import { smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

useBackend(loadAddon());

test("with mixup the targets are the labels of both images", () => {
  const recipe = smallRecipe();
  const mixed = { ...recipe, augment: { ...recipe.augment, mixup: 1 } };
  const data = smallData();
  const teacher = smallTeacher();
  const { indices, mix } = new Planner(data.train, mixed).plan(1, 0);
  const partner = mix!.partners.find((sample) => !indices.includes(sample))!;
  const otherLabel = data.train.labels.map((label, sample) => (sample === partner ? (label + 1) % 3 : label));
  const firstStep = (seen: Dataset) => {
    const trainer = trainerOf(comparisonArms(mixed)[0], seen, teacher);
    const { evidence } = trainer.step();
    trainer.release();
    return evidence;
  };
  const { plan, pixels, targets } = firstStep(data);
  const other = firstStep({ ...data, train: { ...data.train, labels: otherLabel } });
  expect({ plan: other.plan, pixels: other.pixels }).toEqual({ plan, pixels });
  expect(other.targets).not.toBe(targets);
});
