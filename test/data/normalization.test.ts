import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { CIFAR10_NORMALIZATION, normalizationInWords } from "../../src-main/contract/normalization";
import { measureNormalization, publishedNormalization } from "../../src-main/data/normalization";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "normalization-"));
  writeFiles(folder, {
    "train/a/1.png": await png(2, 2, [10, 200, 7], [30, 200, 7]),
    "train/a/2.png": await png(2, 2, [50, 100, 7]),
    "train/b/1.png": await png(2, 2, [0, 0, 7], [255, 0, 7]),
    "test/a/1.png": await png(2, 2, [255, 255, 255]),
    "test/b/1.png": await png(2, 2, [255, 255, 255]),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function measured(trainLimit: number | null = null) {
  const data = await openDataset({ path: folder, format: "auto", trainLimit, testLimit: null });
  try {
    return await measureNormalization(data.train);
  } finally {
    data.release();
  }
}

/** The textbook formula for each channel of values in 0 ... 255. */
function textbook(values: number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean: mean / 255, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) / 255 };
}

test("is the mean and deviation of each channel over the training images' pixels, in 0 ... 1", async () => {
  const { mean, std } = await measured();
  const red = textbook([30, 10, 10, 10, 50, 50, 50, 50, 255, 0, 0, 0]);
  const green = textbook([200, 200, 200, 200, 100, 100, 100, 100, 0, 0, 0, 0]);
  for (const [c, channel] of [red, green].entries()) {
    expect(mean[c]).toBeCloseTo(channel.mean, 12);
    expect(std[c]).toBeCloseTo(channel.std, 12);
  }
});

test("of a constant channel has a deviation above 0", async () => {
  const { mean, std } = await measured();
  expect(mean[2]).toBeCloseTo(7 / 255, 12);
  expect(std[2]).toBe(1 / 255);
});

test("covers only the images within the limit", async () => {
  // One from each class in turn: a/1 and b/1.
  const { mean } = await measured(2);
  expect(mean[1]).toBeCloseTo(textbook([200, 0]).mean, 12);
});

test("of CIFAR-10 is the published one, and of a folder of images is measured", () => {
  expect(publishedNormalization({ format: "cifar10-binary" })).toBe(CIFAR10_NORMALIZATION);
  expect(publishedNormalization({ format: "image-folder" })).toBeNull();
});

test("of CIFAR-10's bundled images is close to the published one, which covers ten times as many", async () => {
  const data = await openDataset({ path: "bundled", format: "auto", trainLimit: null, testLimit: 1 });
  const { mean, std } = await measureNormalization(data.train);
  data.release();
  for (const c of [0, 1, 2]) {
    expect(Math.abs(mean[c]! - CIFAR10_NORMALIZATION.mean[c]!)).toBeLessThan(0.01);
    expect(Math.abs(std[c]! - CIFAR10_NORMALIZATION.std[c]!)).toBeLessThan(0.01);
  }
});

test("in words names CIFAR-10's", () => {
  expect(normalizationInWords(CIFAR10_NORMALIZATION)).toBe("mean 0.491, 0.482, 0.447 and deviation 0.247, 0.243, 0.262 (CIFAR-10's)");
  expect(normalizationInWords({ mean: [0.5, 0.5, 0.5], std: [1, 1, 1] })).toBe("mean 0.500, 0.500, 0.500 and deviation 1.000, 1.000, 1.000");
});
