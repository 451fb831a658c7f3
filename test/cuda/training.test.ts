// Training on the CUDA kernels, in the emulator, follows training on the processor.
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Term } from "../../src-main/contract/objectives";
import type { Recipe } from "../../src-main/contract/recipe";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { smallData, smallRecipe, smallTeacher, trainerOf } from "../training/small-experiment";
import { emulatedLibrary, noEmulator } from "./emulated";

const addon = loadAddon();
useBackend(addon);
afterEach(() => vi.restoreAllMocks());
afterAll(() => addon.useCpu());

/** Losses and trained weights of a distilled student, and the hash of its initial weights. */
function steps(count: number, { train, batchSize, change = (recipe) => recipe }: { train: number; batchSize: number; change?: (recipe: Recipe) => Recipe }) {
  const data = smallData({ train });
  const teacher = smallTeacher();
  const trainer = trainerOf(comparisonArms(change(smallRecipe({ batchSize })))[1], data, teacher);
  try {
    const losses = Array.from({ length: count }, () => {
      const { loss } = trainer.step().record;
      if (trainer.epochTrained) trainer.endEpoch(null);
      return loss;
    });
    const weights = [...trainer.state()].map(([name, tensor]) => [name, addon.checksum(tensor.handle)]);
    return { losses, initialWeights: trainer.hashes.initialWeights, weights };
  } finally {
    trainer.release();
    teacher.model.release();
    data.release();
  }
}

it("a distilled student starts from bitwise equal weights, and its losses match the processor's", (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.selectIsa("scalar");
  const full = { train: 28, batchSize: 8 };
  const expected = steps(3, full);
  addon.useCuda(emulatedLibrary, 0);
  const actual = steps(3, full);
  expect(actual.initialWeights).toBe(expected.initialWeights);
  for (const [step, loss] of expected.losses.entries()) expect(Math.abs(actual.losses[step]! / loss - 1)).toBeLessThan(1e-4);
});

const everything = { resizedCrop: 0.3, crop: 0, erase: 0.5, mixup: 0.4, cutmix: 1 };
const averaging = { accumulate: 2, ema: 0.9, clipNorm: 0.5, labelSmoothing: 0.1 };

it.for<[what: string, augment: Partial<Recipe["augment"]>, train: Partial<Recipe["train"]>]>([
  ["as they are", {}, {}],
  ["with everything drawn, in groups and with averages", everything, averaging],
])("has the same bits whether passes are recorded and replayed or done op by op: images %s", ([, augment, train], test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const replay = vi.spyOn(addon, "replay");
  // Two full batches and a smaller one in an epoch.
  const epochs = {
    train: 10,
    batchSize: 4,
    change: (recipe: Recipe) => ({ ...recipe, augment: { ...recipe.augment, ...augment }, train: { ...recipe.train, ...train } }),
  };
  const recorded = steps(5, epochs);
  // The second batch of both epochs, as a forward and a backward pass; not the smaller last batch.
  expect(replay).toHaveBeenCalledTimes(2 * 2);
  vi.spyOn(addon, "canRecord").mockReturnValue(false);
  expect(steps(5, epochs)).toEqual(recorded);
  expect(replay).toHaveBeenCalledTimes(2 * 2);
  expect(addon.memoryStats().inUse).toBe(0);
});

it.for<Term[]>([
  [{ kind: "dkd", weight: 1, temperature: 4, alpha: 1, beta: 8 }],
  [
    { kind: "hard", weight: 0.5 },
    { kind: "logit-matching", weight: 1 },
    { kind: "features", weight: 1, studentStage: null, teacherStage: null },
    { kind: "attention-transfer", weight: 100, studentStage: null, teacherStage: null },
  ],
])("records objectives of many ops too: %j", (terms, test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const replay = vi.spyOn(addon, "replay");
  const change = (recipe: Recipe): Recipe => ({ ...recipe, distillation: { labels: 1, terms, images: "all", cacheTeacher: true } });
  const recorded = steps(2, { train: 8, batchSize: 4, change });
  expect(replay).toHaveBeenCalledTimes(2);
  vi.spyOn(addon, "canRecord").mockReturnValue(false);
  expect(steps(2, { train: 8, batchSize: 4, change })).toEqual(recorded);
});

it("gives bitwise equal results whether the teacher's answers are cached or computed again", (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const bitsWith = (cacheTeacher: boolean) =>
    // Two epochs of a full batch, one like it and a single image; in the second some are known, mirrored or not.
    steps(6, {
      ...{ train: 9, batchSize: 4 },
      change: (recipe) => ({ ...recipe, augment: { ...recipe.augment, crop: 0 }, distillation: { ...recipe.distillation!, cacheTeacher } }),
    });
  expect(bitsWith(true)).toEqual(bitsWith(false));
});

it("allocates device memory and waits for the device only in the first steps", (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const data = smallData({ train: 20 });
  const teacher = smallTeacher();
  const trainer = trainerOf(comparisonArms(smallRecipe({ batchSize: 4 }))[0], data, teacher);
  const [read, takeRead] = [vi.spyOn(addon, "read"), vi.spyOn(addon, "takeRead")];
  for (let i = 0; i < 2; i++) trainer.step();
  const { inUse, cached } = addon.memoryStats();
  read.mockClear();
  takeRead.mockClear();
  for (let i = 0; i < 3; i++) trainer.step();
  expect(addon.memoryStats()).toMatchObject({ inUse, cached });
  expect(read).not.toHaveBeenCalled();
  // The loss of each step, and its parts.
  expect(takeRead).toHaveBeenCalledTimes(3 * 2);
  for (const owner of [trainer, teacher.model, data]) owner.release();
});
