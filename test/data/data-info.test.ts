import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { DataInfo } from "../../src-main/contract/data-info";
import { dataInfo } from "../../src-main/data/data-info";
import { fingerprintOfFile, fingerprintsOf } from "../../src-main/data/fingerprints";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

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
    "1 image cannot be read: training will not start until it is skipped or replaced; only headers are read here, so there may be more of them",
    "1 of the 7 images is far smaller than the others (test/dog/2.png has 10 pixels on its shorter side, the middle image 150): enlarged, they show little",
    SAME,
    CONTRARY,
    FEW,
  ]);
  expect(notes).toEqual(["7 of 8 files are taken; left out: 1 file that holds no image (test/cat/readme.txt)", expect.stringMatching(/differ in size/)]);
  expect(leftOut).toEqual([
    { path: "test/cat/readme.txt", reason: "file that holds no image" },
    { path: "train/dog/list.jpg", reason: "image that cannot be read: it is a text file, not an image" },
  ]);
  expect(thumbnails).toHaveLength(3);
});

test("a folder with one class is refused", async () => {
  for (const part of ["train", "test"]) writeFiles(folder, { [`${part}/cat/1.png`]: await png(2, 2, [1, 2, 3]) });
  await expect(dataInfo({ path: folder, format: "auto" }, 0)).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining("two classes") });
});

/** Of 4 training images, one is a copy, one lies in another class too, and one is a test image; a note is no image. */
async function folderOfConcerns(): Promise<void> {
  const picture = (n: number) => png(80, 80, [n, 40, 90]);
  writeFiles(folder, {
    "train/cat/1.png": await picture(1),
    "train/cat/1-again.png": await picture(1),
    "train/cat/2.png": await picture(2),
    "train/cat/3.png": await picture(3),
    "train/dog/2.png": await picture(2),
    "train/dog/4.png": await picture(4),
    "test/cat/3.png": await picture(3),
    "test/dog/5.png": await picture(5),
  });
}

const kindsOf = ({ concerns }: DataInfo, wanted: boolean) => concerns.filter(({ settled }) => settled === wanted).map(({ kind, count }) => `${kind} ${count}`);

test("each concern has its pictures and what settles it; once settled, it says what was done, and what undoes that", async () => {
  await folderOfConcerns();
  const source = { path: folder, format: "auto" } as const;
  const before = await dataInfo(source, 1);
  expect(kindsOf(before, false)).toEqual(["leak 1", "contradiction 1", "copies 1", "few-test-images 2"]);
  expect(before.concerns[0]).toMatchObject({
    remedy: { words: "Leave them out of training", settings: { "data.skipLeaks": true } },
    examples: [{ names: ["test/cat/3.png", "train/cat/3.png"] }],
  });
  const { data } = await sharp(before.concerns[0]!.examples[0]!.png!).raw().toBuffer({ resolveWithObject: true });
  expect([...data.subarray(0, 3)]).toEqual([3, 40, 90]);
  const settings = Object.fromEntries(
    before.concerns.flatMap(({ remedy }) => Object.entries(remedy?.settings ?? {}).map(([key, value]) => [key.slice(5), value])),
  );
  expect(settings).toEqual({ skipLeaks: true, skipContradictions: true, skipCopies: true });

  const after = await dataInfo({ ...source, ...settings }, 0);
  expect([kindsOf(after, true), kindsOf(after, false)]).toEqual([["leak 1", "contradiction 2", "copies 1"], ["few-test-images 2"]]);
  expect(after.concerns[0]).toMatchObject({
    text: "1 training image is left out, as it is a test or validation image too (train/cat/3.png is test/cat/3.png)",
    remedy: { words: "Undo", settings: { "data.skipLeaks": false } },
    examples: [{ png: null }],
  });
  expect(after.train).toEqual({ count: 2, perClass: [1, 1] });
  expect(after.leftOut).toContainEqual({
    path: "train/cat/1.png",
    reason: "copy of another training image: it shows what train/cat/1-again.png shows",
  });
});

test("a run takes what the description says, whether its images are held or read when they are needed", async () => {
  await folderOfConcerns();
  const source = { path: folder, format: "auto", trainLimit: null, testLimit: null, skipCopies: true, skipLeaks: true, skipContradictions: true } as const;
  for (const heldBytes of [undefined, 0]) {
    const opened = await openDataset(source, { heldBytes });
    opened.release();
    expect([opened.train.count, [...opened.train.labels]]).toEqual([2, [0, 1]]);
    expect(opened.leftOut.map(({ path, reason }) => `${path}: ${reason}`).sort()).toEqual([
      "train/cat/1.png: copy",
      "train/cat/2.png: contradiction",
      "train/cat/3.png: leak",
      "train/dog/2.png: contradiction",
    ]);
  }
});

test("what is left out of training is not counted as learned", async () => {
  await folderOfConcerns();
  const source = { path: folder, format: "auto", trainLimit: null, testLimit: null, skipCopies: true, skipLeaks: true } as const;
  const opened = await openDataset(source);
  const [learned, tested] = [await fingerprintsOf(opened.train), await fingerprintsOf(opened.test)];
  opened.release();
  expect(learned).toEqual(opened.train.files!.map((path) => fingerprintOfFile(join(folder, path))));
  expect(learned.filter((print) => tested.includes(print))).toEqual([]);
});

test("images that are held back to choose by, and have copies that are learned, are told with what helps", async () => {
  for (let n = 0; n < 6; n++)
    for (const name of ["cat", "dog"]) {
      const picture = await png(80, 80, [40 * n, 90, name === "cat" ? 0 : 200]);
      writeFiles(folder, {
        [`train/${name}/${n}.png`]: picture,
        [`train/${name}/${n}-again.png`]: picture,
        [`test/${name}/${n}.png`]: await png(80, 80, [5, n, 5]),
      });
    }
  const source = { path: folder, format: "auto", trainLimit: null, testLimit: null, validation: 4 } as const;
  const said = async (more = {}) => {
    const opened = await openDataset({ ...source, ...more });
    opened.release();
    return opened.said.map(({ text }) => text);
  };
  expect(await said()).toContainEqual(
    expect.stringMatching(
      /^4 of the 4 images that are held back to choose by have copies among the training images: .+ \(to leave out the copies: data\.skipCopies=true\)$/,
    ),
  );
  expect(await said()).toContainEqual(expect.stringMatching(/^12 of the 24 training images are copies .+ \(to leave out the copies: data\.skipCopies=true\)$/));
  expect((await said({ skipCopies: true })).filter((text) => text.includes("held back"))).toEqual([]);

  const info = await dataInfo({ path: folder, format: "auto" }, 0);
  expect(info.notes).toContainEqual(
    expect.stringContaining("more often than the rest, and knows the copies of what it learns among images that are held back to choose by"),
  );
});

test("no class is left out with its pictures", async () => {
  await folderOfTwo();
  writeFiles(folder, { "train/dog/1.png": await png(200, 150, [1, 2, 3]) });
  const source = { path: folder, format: "auto", skipLeaks: true } as const;
  const refusal = { code: "INPUT", message: expect.stringContaining('none of the training images of "dog" is left') };
  await expect(dataInfo(source, 0)).rejects.toMatchObject(refusal);
  await expect(openDataset({ ...source, trainLimit: null, testLimit: null })).rejects.toMatchObject(refusal);
});

test("images that are far smaller than the others are told, and left out on request", async () => {
  await folderOfTwo();
  writeFiles(folder, { "train/dog/icon.png": await png(40, 16, [3, 3, 3]) });
  const source = { path: folder, format: "auto" } as const;
  const [tiny] = (await dataInfo(source, 0)).concerns;
  expect(tiny).toMatchObject({
    kind: "tiny-images",
    count: 1,
    examples: [{ names: ["train/dog/icon.png"] }],
    remedy: { settings: { "data.smallestSide": 50 } },
  });
  const after = await dataInfo({ ...source, smallestSide: 50 }, 0);
  expect(after).toMatchObject({ train: { perClass: [2, 1] }, concerns: [{ kind: "tiny-images", settled: true, count: 1 }, {}, {}, {}] });
  const opened = await openDataset({ ...source, smallestSide: 50, trainLimit: null, testLimit: null });
  opened.release();
  expect([opened.train.count, opened.leftOut.map(({ path }) => path)]).toEqual([3, ["train/dog/icon.png"]]);
});

test("classes without a split: what is few or uneven is settled by a share and a limit", async () => {
  for (let n = 0; n < 8; n++)
    writeFiles(folder, { [`cat/${n}.png`]: await png(8, 8, [n, 1, 1]), ...(n < 3 && { [`dog/${n}.png`]: await png(8, 8, [n, 2, 2]) }) });
  const info = await dataInfo({ path: folder, format: "auto" }, 0);
  expect([info.layout, info.train.perClass, info.test.perClass]).toEqual(["a folder for each class, without a split", [6, 2], [2, 1]]);
  expect(info.concerns.map(({ kind, remedy }) => [kind, remedy])).toEqual([["few-test-images", null]]);
});
