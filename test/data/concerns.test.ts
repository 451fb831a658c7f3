import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { mcNemar } from "../../src-main/contract/statistics";
import { concernsOfCounts } from "../../src-main/data/concerns";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { type Colour, png, writeFiles } from "./image-files";

useBackend(loadAddon());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-concerns-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const textsOf = (train: number[], images: number) => concernsOfCounts(["cat", "dog", "emu"], { train, test: images }).map(({ text }) => text);

test("uneven classes are told from five to one on", () => {
  expect(textsOf([500, 300, 101], 1000)).toEqual([]);
  expect(textsOf([500, 300, 100], 1000)).toEqual([
    expect.stringMatching(/^the classes are uneven: of the training images, "cat" has 500 and "emu" has 100, so the accuracy says little/),
  ]);
});

test("fewer test images than a difference of 5 points needs are told", () => {
  expect(textsOf([1, 1, 1], 120)).toEqual([]);
  expect(textsOf([1, 1, 1], 119)).toEqual([expect.stringMatching(/^119 test images cannot show a difference below 5\.0 points with one seed/)]);
  expect(textsOf([1, 1, 1], 1)).toEqual([expect.stringMatching(/^1 test image cannot show any difference/)]);
  // Six is what the test needs.
  expect([mcNemar(0, 5) > 0.05, mcNemar(0, 6) < 0.05]).toEqual([true, true]);
});

test("a picture that is a training and a test image is told by its pixels, in another format too", async () => {
  const picture = (n: number): Colour => [n, 20 + n, 90];
  const bmpLike = sharp(await png(6, 6, picture(1), [9, 9, 9])).webp({ lossless: true });
  writeFiles(folder, {
    "train/cat/1.png": await png(6, 6, picture(1), [9, 9, 9]),
    "train/dog/2.png": await png(6, 6, picture(2)),
    "test/cat/other.webp": await bmpLike.toBuffer(),
    "test/dog/3.png": await png(6, 6, picture(3)),
  });
  const data = await openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null });
  data.release();
  expect(data.said.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(
      /^1 of the 2 test images is a training image too \(test\/cat\/other\.webp is train\/cat\/1\.png\): what is measured on them is too good/,
    ),
  );
});

test("of the bundled sample there is nothing to say", async () => {
  const data = await openDataset({ path: "bundled", format: "auto", trainLimit: null, testLimit: null });
  data.release();
  expect([data.said, data.leftOut]).toEqual([[], []]);
});
