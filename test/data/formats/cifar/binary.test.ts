import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../../../src-main/backend/load";
import type { DataFormat } from "../../../../src-main/contract/data-formats";
import { dataInfo } from "../../../../src-main/data/data-info";
import type { Dataset } from "../../../../src-main/data/dataset";
import { openDataset } from "../../../../src-main/data/open-dataset";
import { useBackend } from "../../../../src-main/tensor/tensor";
import { writeFiles } from "../../image-files";

useBackend(loadAddon());

let folder: string;
let dataset: Dataset | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-cifar100-"));
});
afterEach(() => {
  dataset?.release();
  dataset = null;
  rmSync(folder, { recursive: true });
});

async function open(format: DataFormat = "auto"): Promise<Dataset> {
  dataset = await openDataset({ path: folder, format, trainLimit: null, testLimit: null });
  return dataset;
}

/** Planes of one value each. */
function record(coarse: number, fine: number, colour: readonly [number, number, number]): Buffer {
  return Buffer.concat([Buffer.from([coarse, fine]), ...colour.map((value) => Buffer.alloc(1024, value))]);
}
const files = {
  "train.bin": Buffer.concat([record(11, 19, [1, 2, 3]), record(15, 29, [4, 5, 6]), record(4, 0, [7, 8, 9])]),
  "test.bin": record(14, 99, [10, 11, 12]),
};

test("has the fine labels and pixels of each record, in their order", async () => {
  writeFiles(folder, files);
  const { format, path, classes, train, test } = await open();
  expect({ format, path }).toEqual({ format: "cifar100-binary", path: folder });
  expect([...train.labels].map((label) => classes[label])).toEqual(["cattle", "dinosaur", "apple"]);
  expect([...test.labels].map((label) => classes[label])).toEqual(["worm"]);
  expect(train.images.shape).toEqual([3, 32, 32, 3]);
  const pixels = [...train.images.toUint8()];
  expect([0, 1, 2].map((image) => pixels.slice(image * 3072, image * 3072 + 6))).toEqual([
    [1, 2, 3, 1, 2, 3],
    [4, 5, 6, 4, 5, 6],
    [7, 8, 9, 7, 8, 9],
  ]);
});

test("knows its 100 classes in the order of their labels", async () => {
  writeFiles(folder, files);
  const { classes } = await open();
  expect(new Set(classes).size).toBe(100);
  expect([...classes]).toEqual([...classes].sort());
});

test("takes class names from fine_label_names.txt", async () => {
  const names = Array.from({ length: 100 }, (_, label) => `name ${label}`);
  writeFiles(folder, { ...files, "fine_label_names.txt": `${names.join("\n")}\n` });
  expect((await open()).classes).toEqual(names);
});

test("is found from the parent folder, and is not mistaken for CIFAR-10", async () => {
  writeFiles(join(folder, "cifar-100-binary"), files);
  expect((await open("cifar100-binary")).train.count).toBe(3);
  await expect(open("cifar10-binary")).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining("expected data_batch_1.bin") });
});

test("is described with counts by class and thumbnails", async () => {
  writeFiles(folder, files);
  const info = await dataInfo({ path: folder, format: "auto" }, 1);
  expect(info).toMatchObject({ format: "cifar100-binary", imageSize: { width: 32, height: 32 }, train: { count: 3 }, test: { count: 1 } });
  expect([info.train.perClass[19], info.train.perClass[11], info.test.perClass[99]]).toEqual([1, 0, 1]);
  expect(info.thumbnails.map(({ label }) => label)).toEqual([0, 19, 29]);
});

test("reports what is missing, truncated or damaged", async () => {
  const refused = (message: RegExp) => expect(open()).rejects.toMatchObject({ code: "INPUT", message: expect.stringMatching(message) });
  await refused(/is empty: expected/);
  writeFiles(folder, { "train.bin": files["train.bin"] });
  await refused(/test\.bin is missing: CIFAR-100's binary version has train\.bin and test\.bin/);
  writeFiles(folder, { "test.bin": files["test.bin"].subarray(0, 3073) });
  await refused(/test\.bin has 3073 bytes, .* records of 3074 bytes: it is truncated or not CIFAR-100/);
  writeFiles(folder, { "test.bin": record(14, 100, [0, 0, 0]) });
  await refused(/test\.bin: record 0 has label 100, but there are 100 classes/);
});
