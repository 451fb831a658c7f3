import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { DataSource } from "../../src-main/contract/recipe";
import { bundledData } from "../../src-main/data/assets";
import type { Dataset, Split } from "../../src-main/data/dataset";
import { checkMemory } from "../../src-main/data/memory";
import { openDataset } from "../../src-main/data/open-dataset";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { type Colour, png, writeFiles } from "./image-files";

useBackend(loadAddon());

const RED: Colour = [255, 0, 0];
const GREEN: Colour = [0, 255, 0];
const BLUE: Colour = [0, 0, 255];

let folder: string;
const opened: Dataset[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-data-"));
});
afterEach(() => {
  for (const dataset of opened.splice(0)) dataset.release();
  rmSync(folder, { recursive: true });
});

async function open(source: Partial<DataSource> = {}, storeSize?: number): Promise<Dataset> {
  const dataset = await openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null, ...source }, { storeSize });
  opened.push(dataset);
  return dataset;
}
const refused = (message: RegExp | string, source: Partial<DataSource> = {}) =>
  expect(open(source)).rejects.toMatchObject({
    code: "INPUT",
    message: message instanceof RegExp ? expect.stringMatching(message) : expect.stringContaining(message),
  });

/** The pixel at the top left of each image. */
function corners({ images, count, H, W }: Split): number[][] {
  const pixels = images.toUint8();
  return Array.from({ length: count }, (_, n) => [...pixels.slice(n * H * W * 3, n * H * W * 3 + 3)]);
}

/** A record of CIFAR-10: each plane has one value, except in the second pixel. */
function record(label: number, [r, g, b]: Colour, second: Colour = [r, g, b]): Buffer {
  const planes = [r, g, b].map((value, channel) => Buffer.alloc(1024, value).fill(second[channel]!, 1, 2));
  return Buffer.concat([Buffer.from([label]), ...planes]);
}

describe("CIFAR-10, binary version", () => {
  const files = {
    "data_batch_1.bin": Buffer.concat([record(3, RED), record(0, GREEN)]),
    "data_batch_2.bin": record(9, BLUE),
    "data_batch_10.bin": record(1, [1, 2, 3], [4, 5, 6]),
    "test_batch.bin": record(5, [7, 8, 9]),
  };

  test("keeps the order of files and records, and turns planes into pixels", async () => {
    writeFiles(folder, files);
    const { train, test, classes, format, path } = await open();
    expect({ format, path }).toEqual({ format: "cifar10-binary", path: folder });
    expect(classes).toHaveLength(10);
    expect([...train.labels]).toEqual([3, 0, 9, 1]);
    expect(corners(train)).toEqual([RED, GREEN, BLUE, [1, 2, 3]]);
    expect([...train.images.toUint8().slice(3 * 3072 + 3, 3 * 3072 + 9)]).toEqual([4, 5, 6, 1, 2, 3]);
    expect(train.images.shape).toEqual([4, 32, 32, 3]);
    expect([[...test.labels], corners(test)]).toEqual([[5], [[7, 8, 9]]]);
  });

  test("is found from the parent folder, and limits take the first images", async () => {
    writeFiles(join(folder, "cifar-10-batches-bin"), files);
    const { train, test } = await open({ trainLimit: 3, testLimit: 5, format: "cifar10-binary" });
    expect([[...train.labels], test.count]).toEqual([[3, 0, 9], 1]);
  });

  test("takes class names from batches.meta.txt", async () => {
    writeFiles(folder, { ...files, "batches.meta.txt": "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\n\r\n" });
    expect((await open()).classes).toEqual([..."abcdefghij"]);
  });

  test("says which batch is truncated", async () => {
    writeFiles(folder, files);
    truncateSync(join(folder, "data_batch_2.bin"), 3000);
    await refused(/data_batch_2\.bin has 3000 bytes, .* records of 3073 bytes/);
  });

  test("says which batch is empty", async () => {
    writeFiles(folder, { ...files, "test_batch.bin": "" });
    await refused(/test_batch\.bin has 0 bytes/);
  });

  test("says that the test batch is missing", async () => {
    writeFiles(folder, files);
    rmSync(join(folder, "test_batch.bin"));
    await refused(/test_batch\.bin is missing/);
  });

  test("says which record has an invalid label", async () => {
    writeFiles(folder, { ...files, "data_batch_2.bin": Buffer.concat([record(9, BLUE), record(10, BLUE)]) });
    await refused(/data_batch_2\.bin: record 1 has label 10, but there are 10 classes/);
  });
});

describe("the bundled sample", () => {
  test("has 5,000 training and 1,000 test images, and keeps its hash", async () => {
    const { train, test, classes, hash } = await open({ path: "bundled" });
    expect([train.count, test.count, classes[0], classes[9]]).toEqual([5000, 1000, "airplane", "truck"]);
    expect(hash).toBe("4059b2a462002c6d5bab02643bf6357c128508cceb83fd74781980920bfcd62e");
    const first = readFileSync(join(bundledData()!, "data_batch_1.bin")).subarray(0, 3073);
    expect([train.labels[0], ...corners(train)[0]!]).toEqual([first[0], first[1], first[1025], first[2049]]);
  });
});

describe("an image folder", () => {
  async function twoClasses(size = 4): Promise<void> {
    writeFiles(folder, {
      "train/cat/1.png": await png(size, size, [10, 0, 0]),
      "train/cat/10.png": await png(size, size, [11, 0, 0]),
      "train/cat/2.png": await png(size, size, [12, 0, 0]),
      "train/Ant/a.PNG": await png(size, size, [20, 0, 0]),
      "train/Ant/.hidden.png": "not an image",
      "train/Ant/notes.txt": "not an image",
      "test/cat/x.png": await png(size, size, [30, 0, 0]),
      "test/Ant/y.png": await png(size, size, [40, 0, 0]),
    });
  }

  test("takes files in order, one from each class in turn", async () => {
    await twoClasses();
    const { classes, train, test, format } = await open();
    expect([format, classes]).toEqual(["image-folder", ["Ant", "cat"]]);
    expect(corners(train).map(([r]) => r)).toEqual([20, 10, 11, 12]);
    expect([...train.labels]).toEqual([0, 1, 1, 1]);
    expect(corners(test).map(([r]) => r)).toEqual([40, 30]);
  });

  test("is balanced under a limit", async () => {
    await twoClasses();
    const { train, test } = await open({ trainLimit: 2, testLimit: 1 });
    expect([[...train.labels], [...test.labels]]).toEqual([[0, 1], [0]]);
  });

  test("keeps equal small square images as they are", async () => {
    await twoClasses(6);
    expect((await open({}, 32)).train.images.shape).toEqual([4, 6, 6, 3]);
  });

  test("resizes larger images to the requested size", async () => {
    await twoClasses(40);
    expect((await open({}, 32)).train.images.shape).toEqual([4, 32, 32, 3]);
  });

  test("brings images of different sizes to one size: shorter side, then the centre", async () => {
    await twoClasses(8);
    // Three squares side by side: the middle one remains.
    const wide = Buffer.from(Array.from({ length: 8 * 24 }, (_, i) => [RED, GREEN, BLUE][Math.floor((i % 24) / 8)]!).flat());
    writeFiles(folder, {
      "test/cat/x.png": await sharp(wide, { raw: { width: 24, height: 8, channels: 3 } })
        .png()
        .toBuffer(),
    });
    const { test, train } = await open({}, 16);
    expect([test.images.shape, train.images.shape]).toEqual([
      [2, 16, 16, 3],
      [4, 16, 16, 3],
    ]);
    const cat = test.images.toUint8().slice(16 * 16 * 3);
    const middle = 3 * (16 * 8 + 8);
    expect([...cat.slice(middle, middle + 3)]).toEqual(GREEN);
  });

  test("is decoded as a viewer would show it", async () => {
    await twoClasses(2);
    const upright = await png(2, 2, BLUE, RED);
    writeFiles(folder, {
      // Stored rotated by 90 degrees, with a tag that says so: its top left becomes the top right.
      "train/cat/1.png": await sharp(upright).withMetadata({ orientation: 6 }).png().toBuffer(),
      "train/cat/10.png": await sharp({ create: { width: 2, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
        .png()
        .toBuffer(),
      "train/cat/2.png": await sharp(await png(2, 2, [90, 90, 90]))
        .greyscale()
        .toColourspace("b-w")
        .png()
        .toBuffer(),
      "test/cat/x.png": await sharp(upright).webp({ lossless: true }).toBuffer(),
    });
    const { train, test } = await open();
    const pixels = train.images.toUint8();
    expect([...pixels.slice(12, 18)]).toEqual([...BLUE, ...RED]);
    expect(corners(train).slice(2)).toEqual([
      [255, 255, 255],
      [90, 90, 90],
    ]);
    expect(corners(test)[1]).toEqual(RED);
  });

  test("reports its progress", async () => {
    await twoClasses();
    const reported: [number, number][] = [];
    opened.push(await openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null }, { onProgress: (...at) => reported.push(at) }));
    expect(reported.at(-1)).toEqual([6, 6]);
  });

  test("may have links as folders", async () => {
    await twoClasses();
    symlinkSync(join(folder, "train", "cat"), join(folder, "train", "dog"));
    symlinkSync(join(folder, "test", "cat"), join(folder, "test", "dog"));
    expect((await open()).classes).toEqual(["Ant", "cat", "dog"]);
  });

  test("says which file is not an image", async () => {
    await twoClasses();
    writeFiles(folder, { "train/cat/shopping.jpg": "milk, eggs" });
    await refused(/train\/cat\/shopping\.jpg cannot be read as an image: it is a text file, not an image/);
  });

  test("says which image is truncated, and names all unreadable ones", async () => {
    await twoClasses();
    const photo = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#123456", noise: { type: "gaussian", mean: 120, sigma: 40 } } })
      .jpeg()
      .toBuffer();
    writeFiles(folder, { "train/cat/cut.jpg": photo.subarray(0, photo.length / 2), "test/cat/shopping.jpg": "milk, eggs" });
    await refused(/2 images cannot be read[\s\S]*shopping\.jpg[\s\S]*cut\.jpg/);
  });

  test("says that there is only one class", async () => {
    writeFiles(folder, { "train/cat/1.png": await png(2, 2, RED), "test/cat/1.png": await png(2, 2, RED) });
    await refused(/train: expected a folder for each of at least two classes, got "cat"/);
    await refused(/has one class only, cat\/: expected a folder for each of at least two classes$/, { path: join(folder, "train") });
  });

  test("says which class is missing in either split", async () => {
    await twoClasses();
    writeFiles(folder, { "train/emu/1.png": await png(2, 2, RED) });
    await refused(/test: expected the same classes as in train, but there is no folder "emu"/);
    writeFiles(folder, { "test/emu/1.png": await png(2, 2, RED), "test/yak/1.png": await png(2, 2, RED) });
    await refused(/train: expected the same classes as in test, but there is no folder "yak"/);
  });

  test("says which class is empty", async () => {
    await twoClasses();
    writeFiles(folder, { "train/emu/1.png": await png(2, 2, RED), "test/emu/notes.txt": "none yet" });
    await refused(/test\/emu has no images: expected JPEG, PNG, WebP, GIF, TIFF or AVIF files/);
  });

  test("says that the test folder is missing", async () => {
    await twoClasses();
    rmSync(join(folder, "test"), { recursive: true });
    await refused(/test is missing/);
  });

  test("is refused before reading if it does not fit into memory", async () => {
    await twoClasses();
    writeFiles(folder, { "train/cat/1.png": await png(5, 4, RED) });
    await expect(open({}, 20_000)).rejects.toMatchObject({
      code: "INPUT",
      message: expect.stringMatching(/6 images of 20000x20000 pixels are 7\.2 GB; at most/),
    });
    expect(() => checkMemory(100, 10, 60_000)).not.toThrow();
    expect(() => checkMemory(100, 10, 59_999)).toThrow(/100 images of 10x10 pixels need .* of memory; .* are free: limit the images/);
  });
});

describe("a path without data", () => {
  test("is refused with what it is and what was expected", async () => {
    await refused(`${folder} is empty: expected the folders train/<class>/`);
    await refused(/expected the folders train\/<class>\/ and test\/<class>\/ with images/, { format: "image-folder" });
    await refused("/absent does not exist", { path: join(folder, "absent") });
    writeFileSync(join(folder, "file"), "");
    await refused("/file is a file: expected a folder", { path: join(folder, "file") });
  });
});

describe("a folder with images in two formats", () => {
  const cifar10 = { "cifar-10-batches-bin/data_batch_1.bin": record(3, RED), "cifar-10-batches-bin/test_batch.bin": record(5, BLUE) };
  const imageFolder = async () => ({
    "train/cat/1.png": await png(2, 2, RED),
    "train/dog/1.png": await png(2, 2, RED),
    "test/cat/1.png": await png(2, 2, RED),
    "test/dog/1.png": await png(2, 2, RED),
  });

  test("is refused, with what was found where", async () => {
    writeFiles(folder, { ...cifar10, ...(await imageFolder()) });
    await refused(`cifar10-binary in ${join(folder, "cifar-10-batches-bin")}, image-folder in ${folder}; choose the folder of one of them, or name its format`);
  });

  test("is read where the format is named", async () => {
    writeFiles(folder, { ...cifar10, ...(await imageFolder()) });
    expect((await open({ format: "image-folder" })).classes).toEqual(["cat", "dog"]);
    expect((await open({ format: "cifar10-binary" })).train.count).toBe(1);
  });
});

describe("images without labels", () => {
  const labelled = async () => ({
    "data/train/cat/1.png": await png(12, 12, RED),
    "data/train/dog/1.png": await png(12, 12, GREEN),
    "data/test/cat/1.png": await png(12, 12, RED),
    "data/test/dog/1.png": await png(12, 12, GREEN),
  });

  test("of a folder follow the labelled ones, at their size, from the folders in it too", async () => {
    writeFiles(folder, {
      ...(await labelled()),
      "photos/b.png": await png(20, 30, BLUE),
      "photos/a/c.png": await png(12, 12, [9, 8, 7]),
      "photos/a/notes.txt": "no image",
    });
    const { train, labelled: count, hash } = await open({ path: join(folder, "data"), unlabelled: join(folder, "photos") });
    expect([...train.labels]).toEqual([0, 1, -1, -1]);
    expect([count, train.H, train.W]).toEqual([2, 12, 12]);
    expect(corners(train)).toEqual([RED, GREEN, BLUE, [9, 8, 7]]);
    expect(hash).not.toBe((await open({ path: join(folder, "data") })).hash);
  });

  test("are the rest of the training images, in the bundled sample as many of each class", async () => {
    const source = { path: "bundled", trainLimit: 200, testLimit: 1, labelled: 50, validation: 20 };
    const [few, more] = [await open(source), await open({ ...source, unlabelled: "rest" })];
    expect([few.train.count, few.validation!.count, more.train.count, more.labelled]).toEqual([50, 20, 180, 50]);
    expect([...more.train.labels.subarray(0, 50)]).toEqual([...few.train.labels]);
  });

  test("must be there, and readable", async () => {
    writeFiles(folder, { ...(await labelled()), "empty/notes.txt": "", "photos/1.png": "broken" });
    const path = join(folder, "data");
    await refused(`${join(folder, "empty")} has no images: expected JPEG, PNG, WebP, GIF, TIFF or AVIF files`, { path, unlabelled: join(folder, "empty") });
    await refused(`${join(folder, "photos", "1.png")} cannot be read as an image`, { path, unlabelled: join(folder, "photos") });
    await refused(`${join(folder, "none")} does not exist`, { path, unlabelled: join(folder, "none") });
  });
});

describe("the hash of a data set", () => {
  test("follows names, labels, pixels and limits", async () => {
    const base = { "data_batch_1.bin": Buffer.concat([record(3, RED), record(0, GREEN)]), "test_batch.bin": record(5, BLUE) };
    const variants: [Record<string, Uint8Array | string>, Partial<DataSource>][] = [
      [base, {}],
      [{ ...base, "data_batch_1.bin": Buffer.concat([record(4, RED), record(0, GREEN)]) }, {}],
      [{ ...base, "data_batch_1.bin": Buffer.concat([record(3, RED), record(0, BLUE)]) }, {}],
      [{ ...base, "batches.meta.txt": [..."abcdefghij"].join("\n") }, {}],
      [base, { trainLimit: 1 }],
    ];
    const hashes = [];
    for (const [files, source] of variants) {
      rmSync(folder, { recursive: true });
      writeFiles(folder, files);
      hashes.push((await open(source)).hash, (await open(source)).hash);
    }
    expect(new Set(hashes).size).toBe(variants.length);
  });
});

test("a data set frees its memory", async () => {
  const before = backend().memoryStats().inUse;
  const dataset = await openDataset({ path: "bundled", format: "auto", trainLimit: 100, testLimit: 100 });
  expect(backend().memoryStats().inUse).toBeGreaterThanOrEqual(before + 200 * 3072);
  dataset.release();
  expect(backend().memoryStats().inUse).toBe(before);
});
