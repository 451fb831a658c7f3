import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { atOnce, byTurns } from "../../src-main/contract/turns";
import { summaryIn } from "../../src-main/runs/figures";
import { predictionFiles, writePredictions } from "../../src-main/runs/predictions";
import { useBackend } from "../../src-main/tensor/tensor";
import { writeLongRun } from "./long-run";

useBackend(loadAddon());

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "distill-figures-"));
  for (const arm of ["control", "student"] as const) writeLongRun(join(directory, arm), arm, 5000, 100);
  write(predictionFiles(directory).teacher, [0.9, 0.2, 0.3, 0.4]);
  write(predictionFiles(join(directory, "control")).last, [0.6, 0.6, 0.7, 0.4]);
  write(predictionFiles(join(directory, "student")).last, [0.8, 0.3, 0.4, 0.4]);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Of four images, of which the first and last are cats: how likely each is a cat. */
function write(path: string, cats: readonly number[]): void {
  const probabilities = Float64Array.from(cats.flatMap((cat) => [cat, 1 - cat]));
  writePredictions(path, { classes: ["cat", "dog"], images: ["0", "1", "2", "3"], labels: Int32Array.of(0, 1, 1, 0), probabilities });
}

const OF_EPOCHS = { trainAcc: expect.closeTo(3.8461538461538463, 15), testAcc: 0.89, deviation: null };

test("the figures of a comparison are these, in one turn or many", async () => {
  let turns = 0;
  const summary = await byTurns(summaryIn(directory), async () => void turns++);
  expect(summary).toEqual(atOnce(summaryIn(directory)));
  // Of 5000 batches an arm, with their evidence and the resamples.
  expect(turns).toBeGreaterThan(10);
  expect(summary).toEqual({
    seeds: [0],
    control: { ...OF_EPOCHS, agreement: 0.5, divergence: expect.closeTo(0.22500089801364365, 15), calibrationError: expect.closeTo(0.375, 15) },
    student: { ...OF_EPOCHS, agreement: 1, divergence: expect.closeTo(0.02100574016407059, 15), calibrationError: expect.closeTo(0.175, 15) },
    sameImages: null,
    difference: 0,
    differences: [0],
    deviation: null,
    interval: [0, 1],
    intervalOver: "test images",
    moreSeeds: null,
    testImages: 4,
    yardstick: { oneAnswer: 0.5, teacher: 0.75 },
    seconds: 250,
    controlled: true,
  });
});
