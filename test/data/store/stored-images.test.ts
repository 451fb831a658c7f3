import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { FileTable } from "../../../src-main/data/store/file-table";
import { openStore } from "../../../src-main/data/store/open-store";
import { storesIn } from "../../../src-main/data/store/place";
import type { StoredImages } from "../../../src-main/data/store/stored-images";
import { UnreadableImage } from "../../../src-main/data/unreadable";
import { useBackend } from "../../../src-main/tensor/tensor";
import { changeByte } from "./change-byte";

useBackend(loadAddon());

const SIDE = 4;
const BYTES = SIDE * SIDE * 3;
const COUNT = 6;

let folder: string;
let cache: string;
let notes: string[];
const opened: StoredImages[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stored-images-"));
  cache = join(folder, "cache");
  vi.stubEnv("DISTILL_CACHE", cache);
  notes = [];
  for (let n = 0; n < COUNT; n++) writeFileSync(join(folder, `${n}.img`), String(10 * n));
});
afterEach(() => {
  for (const images of opened.splice(0)) images.release();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

interface Opening {
  decode?: (path: string, signal?: AbortSignal) => Promise<Uint8Array>;
  signal?: AbortSignal;
}

/** Images whose pixels all have the number that their file holds, and the paths that were decoded. */
function open({ decode, signal }: Opening = {}): { images: StoredImages; decoded: string[] } {
  const files = new FileTable();
  for (let n = 0; n < COUNT; n++) {
    const { size, mtimeMs } = statSync(join(folder, `${n}.img`));
    files.add(`${n}.img`, size, mtimeMs);
  }
  const decoded: string[] = [];
  const plain = async (path: string) => new Uint8Array(BYTES).fill(Number(readFileSync(path, "utf8")));
  const counted = async (path: string, signal?: AbortSignal) => {
    decoded.push(path.slice(folder.length + 1));
    return (decode ?? plain)(path, signal);
  };
  const images = openStore({ folder, files, wanted: COUNT, side: SIDE, decode: counted, onNote: (text) => notes.push(text), signal });
  opened.push(images);
  return { images, decoded };
}

/** The first value of each image, if all of its values are equal. */
async function read(images: StoredImages, ...numbers: number[]): Promise<number[]> {
  const pixels = new Uint8Array(numbers.length * BYTES);
  await images.read(Int32Array.from(numbers), pixels);
  return numbers.map((_, i) => {
    const values = new Set(pixels.subarray(i * BYTES, (i + 1) * BYTES));
    return values.size === 1 ? [...values][0]! : Number.NaN;
  });
}

const storedPixels = () => join(storesIn(join(cache, "images"))[0]!.folder, "pixels");

test("are decoded when they are first needed, and at the next start not at all", async () => {
  const first = open();
  expect(await read(first.images, 5, 1)).toEqual([50, 10]);
  expect(await read(first.images, 1, 2)).toEqual([10, 20]);
  expect(first.decoded.sort()).toEqual(["1.img", "2.img", "5.img"]);
  first.images.release();
  const second = open();
  expect(await read(second.images, 2, 5, 1)).toEqual([20, 50, 10]);
  expect([second.decoded, notes]).toEqual([[], []]);
});

test("are decoded again where the store was damaged", async () => {
  const first = open();
  await read(first.images, 0, 1, 2);
  changeByte(storedPixels(), BYTES);
  const second = open();
  expect(await read(second.images, 0, 1, 2)).toEqual([0, 10, 20]);
  expect(second.decoded).toEqual(["1.img"]);
  expect([await read(open().images, 1), notes]).toEqual([[10], []]);
});

test("are others once a file was changed", async () => {
  await read(open().images, 0, 1);
  const { mtime } = statSync(join(folder, "1.img"));
  writeFileSync(join(folder, "1.img"), "77");
  utimesSync(join(folder, "1.img"), mtime, new Date(mtime.getTime() + 5000));
  const { images, decoded } = open();
  expect(await read(images, 1)).toEqual([77]);
  expect(decoded).toEqual(["1.img"]);
});

test("are refused if a file changes after it was listed", async () => {
  const { images } = open();
  writeFileSync(join(folder, "3.img"), "3000");
  await expect(read(images, 3)).rejects.toThrow(/3\.img was changed while this run used it: let nothing write to the images/);
});

test("name every file that cannot be read once one was needed", async () => {
  const decode = async (path: string) => {
    if (/[135]\.img/.test(path)) throw new UnreadableImage(path, "it is broken");
    return new Uint8Array(BYTES).fill(1);
  };
  const { images } = open({ decode });
  await expect(read(images, 0, 1)).rejects.toThrow(/3 images cannot be read:[\s\S]*1\.img[\s\S]*3\.img[\s\S]*5\.img/);
  expect(notes).toEqual(["an image cannot be read: all others that are wanted are decoded now, so that every such file is named"]);
  expect(await read(images, 0, 2)).toEqual([1, 1]);
});

test("are made ready ahead, and not twice", async () => {
  const { images, decoded } = open();
  images.expect(Int32Array.of(2, 4));
  expect(await read(images, 4, 2)).toEqual([40, 20]);
  expect(decoded.sort()).toEqual(["2.img", "4.img"]);
});

test("report what went wrong ahead only when it is needed", async () => {
  const { images } = open({ decode: (path) => Promise.reject(new UnreadableImage(path, "it is broken")) });
  images.expect(Int32Array.of(2));
  await new Promise(setImmediate);
  await expect(read(images, 2)).rejects.toThrow("2.img cannot be read as an image: it is broken");
});

test("stop at once, however long one takes to decode", async () => {
  const stopping = new AbortController();
  const { images } = open({ decode: () => new Promise(() => {}), signal: stopping.signal });
  const reading = read(images, 0, 1);
  stopping.abort();
  await expect(reading).rejects.toMatchObject({ code: "INTERRUPTED" });
  await expect(read(images, 2)).rejects.toMatchObject({ code: "INTERRUPTED" });
});

test("go on in memory where the folder cannot be written, which is said once", async () => {
  mkdirSync(cache);
  // Not even root can make a folder below a file.
  writeFileSync(join(cache, "images"), "");
  const { images, decoded } = open();
  expect([await read(images, 0, 1), await read(images, 1, 0)]).toEqual([
    [0, 10],
    [10, 0],
  ]);
  expect(decoded.sort()).toEqual(["0.img", "1.img"]);
  expect(notes).toEqual([expect.stringMatching(/^decoded images cannot be kept in .*: the next start decodes them again; DISTILL_CACHE names another folder/)]);
});

test("go on in memory where the limit is reached, and the store keeps what fitted", async () => {
  vi.stubEnv("DISTILL_CACHE_GB", String((2 * BYTES) / 1e9));
  const first = open();
  for (const n of [0, 1, 2, 3, 4, 5]) expect(await read(first.images, n)).toEqual([10 * n]);
  expect(await read(first.images, 5, 4, 3, 2, 1, 0)).toEqual([50, 40, 30, 20, 10, 0]);
  expect(first.decoded).toHaveLength(COUNT);
  vi.stubEnv("DISTILL_CACHE_GB", "1");
  const second = open();
  expect(await read(second.images, 0, 1, 2)).toEqual([0, 10, 20]);
  expect(second.decoded).toEqual(["2.img"]);
});

test("are kept nowhere where the user wants that", async () => {
  vi.stubEnv("DISTILL_CACHE", "off");
  await read(open().images, 0);
  const { images, decoded } = open();
  await read(images, 0);
  expect([decoded, notes]).toEqual([["0.img"], []]);
});

test("are told apart by names, sizes and contents", async () => {
  const hashOf = async (...numbers: number[]) => {
    const hash = createHash("sha256");
    await open().images.identify(Int32Array.from(numbers), hash);
    return hash.digest("hex");
  };
  const whole = await hashOf(0, 1, 2);
  expect(await hashOf(0, 1, 2)).toBe(whole);
  expect(await hashOf(0, 2, 1)).not.toBe(whole);
  writeFileSync(join(folder, "1.img"), "11");
  expect(await hashOf(0, 1, 2)).not.toBe(whole);
});
