import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { mcNemar } from "../../src-main/contract/statistics";
import { concernsOfCounts } from "../../src-main/data/concerns";
import { dataInfo } from "../../src-main/data/data-info";
import { openDataset, openTestData } from "../../src-main/data/open-dataset";
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

test("uneven classes are made even by a limit where one takes each in turn, and few test images are more by a share", () => {
  const folder = { inTurn: true, undivided: true, settings: {} };
  const of = (train: number[], test: number, settings = {}) =>
    concernsOfCounts(["cat", "dog"], { train, test }, { ...folder, settings }).map(({ kind, settled, remedy }) => [kind, settled, remedy?.settings]);
  expect(of([500, 100], 150)).toEqual([["uneven-classes", false, { "data.trainLimit": 200 }]]);
  expect(of([500, 100], 150, { trainLimit: 200 })).toEqual([["uneven-classes", true, { "data.trainLimit": null }]]);
  expect(of([200, 200], 100)).toEqual([["few-test-images", false, { "data.testShare": 0.25 }]]);
  expect(of([375, 375], 125, { testShare: 0.25 })).toEqual([]);
  expect(of([187, 188], 125, { testShare: 0.25 })).toEqual([["few-test-images", true, { "data.testShare": 0.2 }]]);
  // Half of the images would be too few, too.
  expect(of([60, 60], 30)).toEqual([["few-test-images", false, undefined]]);
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

test("a picture of any two parts is told", async () => {
  const pictures = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => png(6, 6, [40 * n, 90, 9])));
  const [a, b, c, d, e, f] = pictures as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
  writeFiles(folder, {
    ...{ "set/train/cat/a.png": a, "set/train/dog/b.png": b, "set/val/cat/a.png": a, "set/val/dog/c.png": c, "set/test/cat/c.png": c, "set/test/dog/d.png": d },
    ...{ "more/b.png": b, "more/c.png": c, "more/d.png": d, "more/e.png": e, "more/f.png": f },
  });
  const source = { path: join(folder, "set"), format: "auto", trainLimit: null, testLimit: null, unlabelled: join(folder, "more") } as const;
  const data = await openDataset(source);
  data.release();
  const told = data.said.flatMap(({ type, text }) => (type === "warning" && text.includes(" too (") ? [text.replace(/ \(.*/, "")] : []));
  expect(told).toEqual([
    "1 of the 2 validation images is a training image too",
    "1 of the 2 test images is a validation image too",
    "1 of the 5 images without labels is a training image too",
    "1 of the 5 images without labels is a validation image too",
    "1 of the 5 images without labels is a test image too",
  ]);
  const held = await openDataset({ ...source, unlabelled: null }, { heldBytes: 0 });
  held.release();
  expect(held.said.filter(({ text }) => text.includes(" too (test/cat/c.png is val/dog/c.png)"))).toHaveLength(1);
});

test("test images alone are compared too", async () => {
  const same = await png(6, 6, [1, 2, 3]);
  writeFiles(folder, { "test/cat/1.png": same, "test/dog/1.png": same });
  const source = { path: folder, format: "auto", trainLimit: null, testLimit: null, isWhole: false, skipUnreadable: false } as const;
  const data = await openTestData(source, null);
  data.release();
  expect(data.said.map(({ text }) => text)).toContainEqual(expect.stringContaining("1 picture lies in two classes (test/dog/1.png is test/cat/1.png)"));
});

test("a picture in two classes, both of training images, is told by its pixels, and by its file where it is not held", async () => {
  const [same, other] = [await png(6, 6, [1, 2, 3]), await png(6, 6, [4, 5, 6])];
  writeFiles(folder, { "train/cat/1.png": same, "train/dog/1.png": same, "test/cat/1.png": other, "test/dog/1.png": await png(6, 6, [7, 8, 9]) });
  for (const heldBytes of [undefined, 0]) {
    const data = await openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null }, { heldBytes });
    data.release();
    expect(data.said.map(({ text }) => text)).toContain(
      "1 picture lies in two classes (train/dog/1.png is train/cat/1.png), whose labels contradict each other: keep each in one class (to leave them out of training: data.skipContradictions=true)",
    );
  }
});

test("a limit above what there is has no effect, and says so", async () => {
  writeFiles(
    folder,
    Object.fromEntries(
      await Promise.all(["train/cat", "train/dog", "test/cat", "test/dog"].map(async (name, n) => [`${name}/1.png`, await png(6, 6, [n, 0, 0])])),
    ),
  );
  const said = async (trainLimit: number, testLimit: number) => {
    const data = await openDataset({ path: folder, format: "auto", trainLimit, testLimit });
    data.release();
    return data.said.flatMap(({ type, text }) => (type === "note" ? [text] : []));
  };
  expect(await said(2, 2)).toEqual([]);
  expect(await said(2000, 3)).toEqual([
    "data.trainLimit 2000 has no effect: there are 2 training images",
    "data.testLimit 3 has no effect: there are 2 test images",
  ]);
});

test("of the bundled sample there is nothing to say", async () => {
  const data = await openDataset({ path: "bundled", format: "auto", trainLimit: null, testLimit: null });
  data.release();
  expect([data.said, data.leftOut]).toEqual([[], []]);
});

test("classes that limits leave without training images are named, before a run and in it", async () => {
  for (const name of ["cat", "dog", "eel"]) for (const part of ["train", "test"]) writeFiles(folder, { [`${part}/${name}/1.png`]: await png(8, 8, [1, 2, 3]) });
  const text =
    'with data.trainLimit=2, 1 of 3 classes has no training image: "eel". No network can learn it from these data, and test images of it count as any other: use more images';
  const source = { path: folder, format: "auto", trainLimit: 2, testLimit: null } as const;
  const data = await openDataset(source);
  data.release();
  expect(data.said).toContainEqual({ type: "warning", text });
  expect((await dataInfo(source, 0)).warnings).toContain(text);
  const all = await openDataset({ ...source, trainLimit: 3 });
  all.release();
  expect([...all.said.map((said) => said.text), ...(await dataInfo({ ...source, trainLimit: 3 }, 0)).warnings].join()).not.toContain("no training image");
});

test("that images are resized and cropped is told once, unless they are squares of one size", async () => {
  const told = async (width: number, storeSize = 48) => {
    const notes: string[] = [];
    writeFiles(folder, { "train/cat/1.png": await png(width, 40, [1, 2, 3]) });
    const source = { path: folder, format: "auto", trainLimit: null, testLimit: null } as const;
    (await openDataset(source, { storeSize, onNote: (text) => notes.push(text) })).release();
    return notes;
  };
  for (const [n, name] of ["train/dog", "test/cat", "test/dog"].entries()) writeFiles(folder, { [`${name}/1.png`]: await png(40, 40, [n, 0, 0]) });
  expect([await told(40), await told(40, 40)]).toEqual([[], []]);
  expect(await told(40, 32)).toEqual(["the images are squares of 40 pixels: each is resized to 32"]);
  expect(await told(90)).toEqual([
    "the images are not all squares of one size: each is resized by its shorter side to 48, and the square around its centre is seen",
  ]);
});
