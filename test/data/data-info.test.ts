import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dataInfo } from "../../src-main/data/data-info";
import { png, writeFiles } from "./image-files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-info-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function folderOfTwo(): Promise<void> {
  writeFiles(folder, {
    "train/cat/1.png": await png(200, 150, [1, 2, 3]),
    "train/cat/2.png": await png(200, 150, [4, 5, 6]),
    "train/dog/1.png": await png(200, 150, [7, 8, 9]),
    "test/cat/1.png": await png(200, 150, [1, 2, 3]),
    "test/dog/1.png": await png(200, 150, [1, 2, 3]),
  });
}

const SAME = expect.stringMatching(/^2 of the \d test images are training images too \(test\/cat\/1\.png is train\/cat\/1\.png, and others\)/);
const CONTRARY = expect.stringMatching(/^1 picture lies in two classes \(test\/dog\/1\.png is train\/cat\/1\.png\), whose labels contradict/);
const FEW = expect.stringMatching(
  /^\d test images cannot show any difference with one seed: two models have to differ on 6 of them at least; for 5 points take 120/,
);

test("the bundled sample: counts, classes and thumbnails of its own pixels", async () => {
  const info = await dataInfo({ path: "bundled", format: "auto" }, 2);
  expect(info).toMatchObject({ format: "cifar10-binary", imageSize: { width: 32, height: 32 }, warnings: [], train: { count: 5000 }, test: { count: 1000 } });
  expect(info.train.perClass.reduce((a, b) => a + b)).toBe(5000);
  expect(info.classes).toContain("frog");
  expect(info.thumbnails.map(({ label }) => label)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]);
  expect(await sharp(info.thumbnails[0]!.png).metadata()).toMatchObject({ format: "png", width: 32, height: 32 });
});

test("an image folder: counts, size and small thumbnails", async () => {
  await folderOfTwo();
  const info = await dataInfo({ path: folder, format: "auto" }, 1);
  expect(info).toMatchObject({
    path: folder,
    format: "image-folder",
    classes: ["cat", "dog"],
    train: { count: 3, perClass: [2, 1] },
    test: { count: 2, perClass: [1, 1] },
    imageSize: { width: 200, height: 150 },
    leftOut: [],
    warnings: [SAME, CONTRARY, FEW],
    notes: [],
  });
  const [cat] = info.thumbnails;
  const { data, info: size } = await sharp(cat!.png).raw().toBuffer({ resolveWithObject: true });
  expect([size.width, size.height, ...data.subarray(0, 3)]).toEqual([96, 96, 1, 2, 3]);
  expect(await sharp(cat!.path!).metadata()).toMatchObject({ width: 200, height: 150 });
});

test("an image folder with unusual content: each problem is named", async () => {
  await folderOfTwo();
  writeFiles(folder, { "train/dog/list.jpg": "milk, eggs", "test/cat/readme.txt": "hello", "test/dog/2.png": await png(10, 10, [0, 0, 0]) });
  const { warnings, notes, leftOut, imageSize, thumbnails } = await dataInfo({ path: folder, format: "auto" }, 5);
  expect(imageSize).toBeNull();
  expect(warnings).toEqual([
    "6 of 8 files are taken; left out: 1 file that holds no image (test/cat/readme.txt); 1 image that cannot be read (train/dog/list.jpg: it is a text, and no picture: replace it, or remove it from the folder)",
    "training stops at images that cannot be read, unless data.skipUnreadable is set; only headers are read here, so there may be more of them",
    SAME,
    CONTRARY,
    FEW,
  ]);
  expect(notes).toEqual([expect.stringMatching(/differ in size/)]);
  expect(leftOut).toEqual([
    { path: "test/cat/readme.txt", reason: "file that holds no image" },
    { path: "train/dog/list.jpg", reason: "image that cannot be read: it is a text, and no picture: replace it, or remove it from the folder" },
  ]);
  expect(thumbnails).toHaveLength(3);
});

test("a folder with one class is refused", async () => {
  for (const part of ["train", "test"]) writeFiles(folder, { [`${part}/cat/1.png`]: await png(2, 2, [1, 2, 3]) });
  await expect(dataInfo({ path: folder, format: "auto" }, 0)).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining("two classes") });
});
