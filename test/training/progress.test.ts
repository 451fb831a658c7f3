import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { BatchRecord } from "../../src-main/contract/run";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { ProgressMeter } from "../../src-main/training/progress";
import { smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

beforeAll(() => useBackend(loadAddon()));

/** A batch of 8 images that took the given number of seconds. */
const taking = (seconds: number) => ({ imagesPerSecond: 8 / seconds }) as BatchRecord;

test("time left counts both arms and their tests, and one slow batch does not change it", () => {
  const [control, student] = comparisonArms(smallRecipe()).map((arm) => trainerOf(arm, smallData(), smallTeacher()));
  const meter = new ProgressMeter([control!, student!]);

  // 2 arms of 2 epochs of 4 batches, each epoch with 2 test batches, which are assumed to take a third until one was measured.
  expect(meter.afterBatch(control!, taking(3)).secondsLeft).toBeCloseTo(16 * 3 + 8 * 1, 6);
  for (let i = 0; i < 9; i++) meter.afterTestBatch(0.5);
  expect(meter.afterBatch(control!, taking(3)).secondsLeft).toBeCloseTo(16 * 3 + 8 * 0.5, 6);
  for (let i = 0; i < 9; i++) meter.afterBatch(control!, taking(3));
  expect(meter.afterBatch(control!, taking(300))).toMatchObject({ imagesPerSecond: 8 / 3 });

  // Once the student runs, its own pace counts for it.
  for (let i = 0; i < 5; i++) meter.afterBatch(student!, taking(6));
  expect(meter.afterBatch(student!, taking(6)).secondsLeft).toBeCloseTo(8 * 3 + 8 * 6 + 8 * 0.5, 6);

  student!.step();
  expect(meter.afterBatch(student!, taking(6))).toMatchObject({ done: 1, total: 16 });
  for (const trainer of [control!, student!]) trainer.release();
});
