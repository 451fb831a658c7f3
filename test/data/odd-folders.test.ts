// Names and numbers that people have in their folders.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { dataInfo } from "../../src-main/data/data-info";
import type { Dataset } from "../../src-main/data/dataset";
import { decode } from "../../src-main/data/decode";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

let folder: string;
let opened: Dataset | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-odd-"));
});
afterEach(() => {
  opened?.release();
  opened = null;
  rmSync(folder, { recursive: true });
});

async function open(): Promise<Dataset> {
  opened = await openDataset({ path: folder, format: "auto", trainLimit: null, testLimit: null });
  return opened;
}

/** Both splits with these classes, and so named images in each. */
async function write(classes: readonly string[], names: readonly string[] = ["0.png"]): Promise<void> {
  const image = await png(8, 8, [1, 2, 3]);
  for (const split of ["train", "test"])
    writeFiles(join(folder, split), Object.fromEntries(classes.flatMap((each) => names.map((name) => [join(each, name), image]))));
}

const isWindows = process.platform === "win32";

test.skipIf(isWindows)("classes may have names with quotes, commas, emoji, markup, formulas, line breaks, and those of JavaScript's own", async () => {
  const classes = ["my cat 🐱", "a\"b,c;'d", "<img src=x onerror=alert(1)>&amp;", "=1+1", "__proto__", "constructor", "new\nline"];
  await write(classes);
  const { train, test } = await dataInfo({ path: folder, format: "auto" }, 0);
  expect([train.perClass, test.perClass]).toEqual([Array(7).fill(1), Array(7).fill(1)]);
  const dataset = await open();
  expect([...dataset.classes].sort()).toEqual([...classes].sort());
  expect([...dataset.train.labels].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test.skipIf(isWindows)("images may have names with line breaks, quotes, emoji, 245 letters, and those that look like options or patterns", async () => {
  const names = ["a b\nc'\"🐱.png", `${"x".repeat(241)}.PNG`, "-rf.png", "%d%s[page=1].png"];
  await write(["cat", "dog"], names);
  const { train } = await open();
  expect(train.count).toBe(2 * names.length);
});

test("one image of each class is enough, and a thousand classes are not too many", async () => {
  await write(["cat", "dog"]);
  expect((await open()).train.count).toBe(2);
  rmSync(folder, { recursive: true });
  await write(Array.from({ length: 1000 }, (_, i) => `n${String(i).padStart(8, "0")}`));
  const { classes, train } = await dataInfo({ path: folder, format: "auto" }, 0);
  expect([classes.length, train.count, classes.at(-1)]).toEqual([1000, 1000, "n00000999"]);
});

test.skipIf(isWindows || process.platform === "darwin")("classes that differ in capitals alone are two, and the one that test lacks is named", async () => {
  await write(["cat", "dog"]);
  writeFiles(folder, { "train/Cat/0.png": await png(8, 8, [1, 2, 3]) });
  await expect(open()).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining('"Cat"') });
});

test.each([
  [1, 1],
  [5000, 1],
  [1, 5000],
])("an image of %d x %d pixels is read", async (W, H) => {
  expect(await decode({ path: "x.png", bytes: await png(W, H, [9, 8, 7]) })).toMatchObject({ W, H });
});

test("an image of more than 100 million pixels is refused", async () => {
  const bytes = await sharp({ create: { width: 10_100, height: 10_000, channels: 3, background: "#123456" } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  await expect(decode({ path: "huge.png", bytes })).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining("million pixels") });
});
