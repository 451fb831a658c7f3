import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { assemble, labelsOf, NO_AUGMENT, type View, viewNumbers } from "../../src-main/data/batches";
import type { Split } from "../../src-main/data/dataset";
import { openDataset } from "../../src-main/data/open-dataset";
import { epochOrder } from "../../src-main/data/order";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

const view: View = { imageSize: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.5], augment: NO_AUGMENT, seed: 7, epoch: 1, precision: "fp32" };

let split: Split;
beforeAll(async () => {
  split = (await openDataset({ path: "bundled", format: "auto", trainLimit: 50, testLimit: 1 })).train;
});

const pixels = (indices: number[], more: Partial<View> = {}) => assemble(split, Int32Array.from(indices), { ...view, ...more }).toFloat32();

describe("a batch", () => {
  test("holds the samples asked for, normalised by channel, and their labels", () => {
    const stored = split.images.toUint8();
    const expected = [3, 41].flatMap((i) =>
      [...stored.slice(i * 3072, (i + 1) * 3072)].map((value, at) => (value / 255 - view.mean[at % 3]!) / view.std[at % 3]!),
    );
    const got = pixels([3, 41]);
    expect(got).toHaveLength(2 * 3072);
    expect(Math.max(...got.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
    expect([...labelsOf(split, Int32Array.of(3, 41)).toInt32()]).toEqual([split.labels[3], split.labels[41]]);
  });

  test("is augmented by seed, epoch and sample alone, not by its place", () => {
    const augment = { crop: 4, flip: true };
    const alone = [...pixels([5], { augment })];
    expect([...pixels([9, 5], { augment }).slice(3072)]).toEqual(alone);
    expect([...pixels([5], { augment, epoch: 2 })]).not.toEqual(alone);
    expect([...pixels([5], { augment, seed: 8 })]).not.toEqual(alone);
    expect([...pixels([5])]).not.toEqual(alone);
  });

  test("shows the same of a sample where the number of the view is the same, and there alone", () => {
    const shown = new Map<number, Set<string>>();
    for (let epoch = 1; epoch <= 60; epoch++) {
      const augmented = { ...view, epoch, augment: { crop: 1, flip: true } };
      for (const sample of [5, 9]) {
        const number = viewNumbers(10, augmented)[sample]!;
        shown.set(number, (shown.get(number) ?? new Set()).add(pixels([sample], augmented).join()));
      }
    }
    // 3 times 3 places, each also mirrored, of two images; in 60 epochs nearly all of them.
    expect(shown.size).toBeGreaterThan(30);
    expect([...shown.values()].every(({ size }) => size === 1)).toBe(true);
    expect(new Set([...shown.values()].flatMap((each) => [...each])).size).toBe(shown.size);
    // Unchanged as in every epoch of a run without augmentation.
    expect(shown.has(viewNumbers(10, view)[5]!)).toBe(true);
    expect(viewNumbers(10, { ...view, epoch: 2 })).toEqual(viewNumbers(10, view));
  });
});

describe("the order of an epoch", () => {
  const order = (seed: number, epoch: number, shuffle = true) => [...epochOrder(1000, { shuffle, seed, epoch })];
  const stored = Array.from({ length: 1000 }, (_, i) => i);

  test("has every sample once", () => {
    expect(order(0, 1).sort((a, b) => a - b)).toEqual(stored);
  });

  test("depends on seed and epoch alone", () => {
    expect(order(0, 1)).toEqual(order(0, 1));
    expect(order(0, 1)).not.toEqual(order(0, 2));
    expect(order(0, 1)).not.toEqual(order(1, 1));
  });

  test("is that of the files without shuffling", () => {
    expect(order(0, 3, false)).toEqual(stored);
  });
});
