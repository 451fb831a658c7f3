// Training on the CUDA kernels, in the emulator, follows training on the processor.
import { afterAll, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { smallData, smallRecipe, smallTeacher, trainerOf } from "../training/small-experiment";
import { emulatedLibrary, noEmulator } from "./emulated";

const addon = loadAddon();
useBackend(addon);
afterAll(() => addon.useCpu());

const STEPS = 3;

/** Losses of the student's first steps, and the hash of the batches that it saw. */
function firstSteps() {
  const data = smallData();
  const teacher = smallTeacher();
  const trainer = trainerOf(comparisonArms(smallRecipe())[1], data, teacher);
  try {
    const losses = Array.from({ length: STEPS }, () => trainer.step().loss);
    return { losses, initialWeights: trainer.hashes.initialWeights };
  } finally {
    trainer.release();
    teacher.model.release();
    data.release();
  }
}

it("a distilled student starts from the same bits, and its losses are those of the processor", (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.selectIsa("scalar");
  const expected = firstSteps();
  addon.useCuda(emulatedLibrary, 0);
  const actual = firstSteps();
  expect(actual.initialWeights).toBe(expected.initialWeights);
  for (const [step, loss] of expected.losses.entries()) expect(Math.abs(actual.losses[step]! / loss - 1)).toBeLessThan(1e-4);
});
