import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { Interrupted } from "../../src-main/contract/failure";
import type { Dataset } from "../../src-main/data/dataset";
import { hashWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { findCheckpoint, restore, writeCheckpoint } from "../../src-main/training/checkpoint";
import { comparisonArms } from "../../src-main/training/compare";
import { train } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import type { Trainer } from "../../src-main/training/trainer";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

let data: Dataset;
let teacher: TrainedNetwork;
let folder: string;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  teacher = smallTeacher();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "checkpoint-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Everything that must be bitwise equal at the end. */
const endOf = ({ student, averaged, hashes, position: { optimizerSteps, epochsDone } }: Trainer) => ({
  weights: hashWeights(student.model),
  averages: averaged && hashWeights(averaged.model),
  hashes,
  optimizerSteps,
  epochsDone,
});

describe("a comparison stopped at any point and resumed gives bitwise equal results", () => {
  const augment = { crop: 0, flip: true, views: null, resizedCrop: 0.3, erase: 0.5, mixup: 0.4, cutmix: 1 };
  const averaging = { accumulate: 3, ema: 0.9, clipNorm: 0.5, labelSmoothing: 0.1 };
  // 4 batches and 2 test batches, or twice as many with an average of the weights, 2 epochs, 2 arms.
  for (const [name, settings, augmented, points] of [
    ["adamw", { optimizer: "adamw" }, null, 24],
    ["sgd", { optimizer: "sgd", nesterov: true, schedule: "cosine-step", warmupEpochs: 0.5 }, null, 24],
    ["groups of batches, an average of the weights, and everything drawn", averaging, augment, 32],
  ] as const) {
    test(name, async () => {
      const recipe = smallRecipe(settings);
      const arms = comparisonArms({ ...recipe, augment: augmented ?? recipe.augment });
      const fresh = () => arms.map((arm) => trainerOf(arm, data, teacher));

      const whole = fresh();
      const { recorded: expected, hooks } = recording();
      let yieldPoints = 0;
      await train(whole, { ...hooks, yieldPoint: async () => void yieldPoints++ });
      expect(yieldPoints).toBe(points);

      // Before the first batch, within an epoch of either arm, between arms, within tests, after the last batch.
      for (const stopAt of [0, 1, 3, 5, 6, 8, 14, 23]) {
        const stopped = fresh();
        const before = recording();
        let passed = 0;
        const yieldPoint = async () => {
          if (passed++ === stopAt) throw new Interrupted("stop");
        };
        await expect(train(stopped, { ...before.hooks, yieldPoint })).rejects.toThrow(Interrupted);
        for (const trainer of stopped) writeCheckpoint(join(folder, `${stopAt}-${trainer.arm}`), trainer, null);

        const resumed = fresh();
        for (const trainer of resumed) restore(trainer, findCheckpoint(join(folder, `${stopAt}-${trainer.arm}`))!);
        const after = recording();
        await train(resumed, after.hooks);
        expect(resumed.map(endOf)).toEqual(whole.map(endOf));
        expect([...before.recorded, ...after.recorded]).toEqual(expected);
        for (const trainer of [...stopped, ...resumed]) trainer.release();
      }
      for (const trainer of whole) trainer.release();
    });
  }
});

describe("a checkpoint on disk", () => {
  const latest = () => join(folder, "latest.safetensors");
  const previous = () => join(folder, "previous.safetensors");
  const student = () => trainerOf({ name: "student", recipe: smallRecipe() }, data, teacher);

  /** Two checkpoints, after 1 and 2 batches. */
  function writeTwo(): void {
    const trainer = student();
    for (let i = 0; i < 2; i++) {
      trainer.step();
      writeCheckpoint(folder, trainer, null);
    }
    trainer.release();
  }

  test("is found with its position", () => {
    expect(findCheckpoint(folder)).toBeNull();
    writeTwo();
    expect(findCheckpoint(folder)).toMatchObject({ path: latest(), damaged: null, position: { epochsDone: 0, batchesDone: 2, optimizerSteps: 2 } });
  });

  test.each([
    ["cut off", () => truncateSync(latest(), 1000)],
    ["empty", () => truncateSync(latest(), 0)],
    ["missing, as between two renames", () => rmSync(latest())],
    ["changed in one bit of a weight", () => flipBit(latest(), -100)],
    ["changed in its position", () => replaceIn(latest(), '\\"batchesDone\\":2', '\\"batchesDone\\":3')],
  ])("is replaced by the previous one if it is %s", (_, damage) => {
    writeTwo();
    damage();
    const found = findCheckpoint(folder)!;
    expect(found).toMatchObject({ path: previous(), position: { batchesDone: 1 } });
    if (_ !== "missing, as between two renames") expect(found.damaged).toContain(latest());
    const trainer = student();
    restore(trainer, found);
    expect(trainer.step().record).toMatchObject({ epoch: 1, iter: 2 });
    trainer.release();
  });

  test("fails with an explanation if none is intact", () => {
    writeTwo();
    truncateSync(latest(), 100);
    flipBit(previous(), -1);
    expect(() => findCheckpoint(folder)).toThrow(/no checkpoint in .* can be used.*latest\.safetensors.*previous\.safetensors/s);
  });

  test("is refused if it is replaced or changed between being found and being loaded", () => {
    const changes = [() => copyFileSync(previous(), latest()), () => flipBit(latest(), -100), () => replaceIn(latest(), '\\"seen\\":', '\\"seem\\":')];
    for (const change of changes) {
      writeTwo();
      const found = findCheckpoint(folder)!;
      change();
      const trainer = student();
      expect(() => restore(trainer, found)).toThrow(`${latest()} was changed while it was being read`);
      trainer.release();
    }
  });

  test("is refused by another model, which stays unchanged", () => {
    writeTwo();
    const recipe = smallRecipe();
    const other = trainerOf({ name: "student", recipe: { ...recipe, train: { ...recipe.train, optimizer: "sgd" } } }, data, teacher);
    const before = endOf(other);
    expect(() => restore(other, findCheckpoint(folder)!)).toThrow(/optimizer\.second/);
    expect(endOf(other)).toEqual(before);
    other.release();
  });

  function flipBit(path: string, at: number): void {
    const bytes = readFileSync(path);
    bytes[bytes.length + at]! ^= 1;
    writeFileSync(path, bytes);
  }

  function replaceIn(path: string, text: string, replacement: string): void {
    const content = readFileSync(path, "latin1");
    expect(content).toContain(text);
    writeFileSync(path, content.replace(text, replacement), "latin1");
  }
});
