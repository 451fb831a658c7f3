// Training on images that are brought when they are needed has the bits of training on images that are all held.
import { afterAll, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import type { Dataset, RawSplit, Split } from "../../src-main/data/dataset";
import { toSplits } from "../../src-main/data/split";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { train } from "../../src-main/training/loop";
import { emulatedLibrary, noEmulator } from "../cuda/emulated";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

const addon = loadAddon();
useBackend(addon);
afterAll(() => addon.useCpu());

/** Of which no device holds more than one batch. */
function streamed(data: Dataset): Dataset {
  const raw = ({ labels, images, H, W, fingerprintOf }: Split): RawSplit => ({ labels, pixels: images.toUint8(), H, W, fingerprintOf });
  const [train, test] = toSplits([raw(data.train), raw(data.test)], 0);
  const splits = { train: train!, test: test! };
  data.release();
  return { ...data, ...splits, release: () => Object.values(splits).map(({ stream }) => stream!.release()) };
}

const everything = { resizedCrop: 0.3, crop: 0, erase: 0.5, mixup: 0.4, cutmix: 1 };
const augmented = (augment: Partial<Recipe["augment"]>): Recipe => {
  const recipe = smallRecipe();
  return { ...recipe, augment: { ...recipe.augment, ...augment } };
};

/** All records of both arms, and the bits of their weights. */
async function trained(data: Dataset, recipe: Recipe) {
  const teacher = smallTeacher();
  const trainers = comparisonArms(recipe).map((arm) => trainerOf(arm, data, teacher));
  const { recorded, hooks } = recording();
  await train(trainers, hooks);
  const weights = trainers.map((trainer) => [...trainer.state()].map(([name, tensor]) => [name, addon.checksum(tensor.handle)]));
  for (const owner of [...trainers, teacher.model, data]) owner.release();
  return { recorded, weights };
}

it.each<[what: string, augment: Partial<Recipe["augment"]>]>([
  ["cropped and mirrored", {}],
  ["with everything drawn, and mixed with others", everything],
])("on the processor, images %s", async (_, augment) => {
  const held = await trained(smallData(), augmented(augment));
  const inUse = addon.memoryStats().inUse;
  expect(await trained(streamed(smallData()), augmented(augment))).toEqual(held);
  expect(addon.memoryStats().inUse).toBe(inUse);
});

it("on a GPU, images mixed with others", async (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const recipe = { ...augmented(everything), train: { ...augmented(everything).train, epochs: 1, batchSize: 4 } };
  const held = await trained(smallData({ train: 6, test: 2 }), recipe);
  expect(await trained(streamed(smallData({ train: 6, test: 2 })), recipe)).toEqual(held);
});
