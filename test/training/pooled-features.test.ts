import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Dataset, Split } from "../../src-main/data/dataset";
import { storesIn } from "../../src-main/data/store/place";
import { fromArray, useBackend } from "../../src-main/tensor/tensor";
import { type Backbone, loadBackbone } from "../../src-main/training/backbone";
import { featuresOf } from "../../src-main/training/pooled-features";
import { experimentFolder } from "../engine/experiment";

const SIDE = 8;
const COUNT = 40;
let folder: ReturnType<typeof experimentFolder>;
let backbone: Backbone;
const { DISTILL_CACHE } = process.env;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
  backbone = loadBackbone({ model: "resnet20_cifar10", weights: folder.teacher });
});
afterAll(() => {
  process.env.DISTILL_CACHE = DISTILL_CACHE;
  backbone.model.release();
  folder.remove();
});

const pixel = (n: number, y: number, x: number, c: number) => (37 * n + 11 * y * y + 23 * x + 71 * c * x) % 256;

/** Images, or the same mirrored. */
function split(mirrored: boolean, count = COUNT): Split {
  const values = Uint8Array.from({ length: count * SIDE * SIDE * 3 }, (_, i) => {
    const [n, y, x, c] = [Math.floor(i / (SIDE * SIDE * 3)), Math.floor(i / (SIDE * 3)) % SIDE, Math.floor(i / 3) % SIDE, i % 3];
    return pixel(n, y, mirrored ? SIDE - 1 - x : x, c);
  });
  const fingerprintOf = (n: number) => n + (mirrored ? 1000 : 0);
  return { count, labels: new Int32Array(count), images: fromArray(values, [count, SIDE, SIDE, 3]), H: SIDE, W: SIDE, fingerprintOf };
}

const quietly = { views: ["plain", "mirrored"] as const, onNote: () => {}, onProgress: () => {}, yieldPoint: async () => {} };
const dataOf = (path: string, train: Split, test: Split) => ({ path, train, validation: null, test }) as unknown as Dataset;

test("mirrored features are those of the mirrored image", async () => {
  const { train, test: ofTest } = await featuresOf(backbone, dataOf("/a", split(false), split(true)), quietly);
  expect(train.get("mirrored")).toEqual(ofTest);
  expect(train.get("plain")).not.toEqual(ofTest);
});

test("what was kept has the same bits, and what is damaged is computed again", async () => {
  process.env.DISTILL_CACHE = folder.path("cache");
  const data = dataOf("/photos", split(false), split(true, 33));
  const first = await featuresOf(backbone, data, quietly);
  const again = await featuresOf(backbone, data, quietly);
  expect([first.computed, again.computed, again.known]).toEqual([113, 0, 113]);
  expect(again.train).toEqual(first.train);
  expect(again.test).toEqual(first.test);
  const [store] = storesIn(folder.path("cache", "images"));
  expect(store).toMatchObject({ what: "features", images: "/photos", fullBytes: 113 * (64 * 4 + 8) });
  damage(join(store!.folder, "pixels"), 4 * 64 * 2);
  const third = await featuresOf(backbone, data, quietly);
  expect([third.computed, third.train]).toEqual([1, first.train]);
});

test("of new images alone features are computed, wherever they stand among the others", async () => {
  process.env.DISTILL_CACHE = folder.path("growing");
  const some = split(false, 30);
  await featuresOf(backbone, dataOf("/growing", some, split(true, 5)), quietly);
  const all = split(false);
  const more = { ...all, fingerprintOf: (n: number) => (n < 7 ? 500 + n : n - 7) };
  const alone = { ...all, fingerprintOf: (n: number) => 5000 + n };
  const grown = await featuresOf(backbone, dataOf("/growing", more, split(true, 5)), quietly);
  // 30 of the 40 are taken for those that were kept, 33 of 37 have a known name but 30 were seen.
  expect([grown.computed, grown.known]).toEqual([2 * 10, 2 * 30 + 5]);
  const { train } = await featuresOf(backbone, dataOf("/growing", alone, split(true, 5)), quietly);
  const rows = (n: number, values: Float32Array) => [...values.subarray(64 * n, 64 * (n + 1))];
  expect(rows(3, grown.train.get("mirrored")!)).toEqual(rows(3, train.get("mirrored")!));
});

test("other data have features of their own", async () => {
  process.env.DISTILL_CACHE = folder.path("cache");
  const { known } = await featuresOf(backbone, dataOf("/others", split(false), split(true)), quietly);
  expect(known).toBe(0);
});

/** Changes a byte. */
function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}
