// Image folders of which the images are read when they are needed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { need } from "../../src-main/data/batches";
import type { Dataset, Split } from "../../src-main/data/dataset";
import { type ImageSource, sourceOf } from "../../src-main/data/image-source";
import { GrowingStream } from "../../src-main/data/image-stream";
import { measureNormalization } from "../../src-main/data/normalization";
import { type OpenOptions, openDataset, type Source } from "../../src-main/data/open-dataset";
import { backend, empty, useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "./image-files";

useBackend(loadAddon());

const PER_CLASS = 5;
let folder: string;
const opened: Dataset[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "needed-images-"));
  vi.stubEnv("DISTILL_CACHE", join(folder, "cache"));
  for (const [k, name] of ["a", "b"].entries())
    for (let i = 0; i < PER_CLASS; i++) {
      const image = await png(8, 8, [10 * i, 100 * k, i + k], [255, 0, 0]);
      writeFiles(folder, { [`data/train/${name}/${i}.png`]: image, [`data/test/${name}/${i}.png`]: image });
    }
});
afterEach(() => {
  for (const data of opened.splice(0)) data.release();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function open(source: Partial<Source> = {}, options: OpenOptions = {}): Promise<Dataset> {
  opened.push(await openDataset({ path: join(folder, "data"), format: "auto", trainLimit: null, testLimit: null, ...source }, { storeSize: 16, ...options }));
  return opened.at(-1)!;
}
/** Held now, and read when needed: by default from a store that is empty at first. */
const both = async (source?: Partial<Source>) => [await open(source), await open(source, { heldBytes: 0 })] as const;

async function pixelsOf(split: Split, samples = Array.from({ length: split.count }, (_, n) => n)): Promise<number[][]> {
  await need(split, Int32Array.from(samples));
  const pixels = split.images.toUint8();
  const rows = split.stream?.rowsOf(Int32Array.from(samples)) ?? samples;
  const size = split.H * split.W * 3;
  return Array.from(rows, (row) => [...pixels.subarray(row * size, (row + 1) * size)]);
}

test("are those that would be held, however the images are divided", async () => {
  for (const source of [{}, { trainLimit: 7, testLimit: 3 }, { validation: 4, labelled: 4, unlabelled: "rest" }, { unlabelled: join(folder, "data/test/b") }]) {
    const [held, needed] = await both(source);
    expect(needed.train.stream).toBeDefined();
    for (const part of ["train", "validation", "test"] as const) {
      const [one, other] = [held[part], needed[part]];
      expect([other?.count, other?.labels, other?.H, other?.files]).toEqual([one?.count, one?.labels, one?.H, one?.files]);
      if (one) expect(await pixelsOf(other!)).toEqual(await pixelsOf(one));
    }
  }
});

test("keep their size if all have the same, and say which has another", async () => {
  writeFiles(folder, { "data/train/a/4.png": await png(12, 9, [1, 2, 3]) });
  expect((await open({}, { heldBytes: 0 })).train.H).toBe(16);
  rmSync(join(folder, "data/train/a/4.png"));
  expect((await open({}, { heldBytes: 0 })).train.H).toBe(8);
});

test("have a hash of their own, which follows names, labels and content, but neither the folder nor what was read", async () => {
  const needed = await open({}, { heldBytes: 0 });
  await pixelsOf(needed.train);
  const hashes = [needed.hash, (await open({}, { heldBytes: 0 })).hash];
  expect(hashes[1]).toBe(hashes[0]);
  expect((await open()).hash).not.toBe(hashes[0]);
  expect((await open({ trainLimit: 5 }, { heldBytes: 0 })).hash).not.toBe(hashes[0]);
  writeFiles(folder, { "data/train/a/1.png": await png(8, 8, [1, 1, 1]) });
  expect((await open({}, { heldBytes: 0 })).hash).not.toBe(hashes[0]);
});

test("are normalised by all of them if they are few, as held ones", async () => {
  const [held, needed] = await both();
  expect(await measureNormalization(needed.train)).toEqual(await measureNormalization(held.train));
});

test("are said to be decoded later, and where they are kept", async () => {
  const notes: string[] = [];
  await open({}, { heldBytes: 0, onNote: (text) => notes.push(text) });
  await open({}, { onNote: (text) => notes.push(text) });
  const where = join(folder, "cache", "images");
  expect(notes).toEqual([`the images take 0.0 GB decoded: each is decoded when it is first needed, and kept for the next start in ${where} (DISTILL_CACHE)`]);
});

test("free their memory", async () => {
  const before = backend().memoryStats().inUse;
  const data = await open({}, { heldBytes: 0 });
  await pixelsOf(data.train);
  await pixelsOf(data.test);
  data.release();
  expect(backend().memoryStats().inUse).toBe(before);
});

test("that cannot be read are named when they are needed", async () => {
  writeFiles(folder, { "data/train/b/3.png": "no image" });
  const { train } = await open({}, { heldBytes: 0 });
  await pixelsOf(train, [0, 1]);
  await expect(pixelsOf(train)).rejects.toMatchObject({ code: "INPUT", message: expect.stringContaining(join("train", "b", "3.png")) });
});

test("stay on a device that has room for all, and are read only once", async () => {
  const held = await open();
  const read: number[][] = [];
  const bytes = 8 * 8 * 3;
  const pixels = held.train.images.toUint8();
  const source = sourceOf(pixels, bytes);
  const counted = {
    expect: () => {},
    read: (numbers: Int32Array, to: Uint8Array) => {
      read.push([...numbers]);
      return source.read(numbers, to);
    },
  };
  const room = empty([held.train.count, 8, 8, 3], "u8");
  const stream = new GrowingStream({ source: counted as unknown as ImageSource, H: 8, W: 8, isHeld: false }, room);
  await stream.need(Int32Array.of(9, 2, 9), new Int32Array());
  expect(() => stream.rowsOf(Int32Array.of(3))).toThrow("image 3 was not needed");
  await stream.need(Int32Array.of(2, 3), new Int32Array());
  expect([...stream.rowsOf(Int32Array.of(2, 9, 3))]).toEqual([2, 9, 3]);
  expect(read).toEqual([[9, 2], [3]]);
  for (const n of [2, 3, 9]) expect(stream.images.toUint8().subarray(n * bytes, (n + 1) * bytes)).toEqual(pixels.subarray(n * bytes, (n + 1) * bytes));
  stream.release();
});
