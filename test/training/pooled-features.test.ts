import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Dataset, Split } from "../../src-main/data/dataset";
import { noFingerprint } from "../../src-main/data/fingerprints";
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
  return { count, labels: new Int32Array(count), images: fromArray(values, [count, SIDE, SIDE, 3]), H: SIDE, W: SIDE, fingerprintOf: noFingerprint };
}

const quietly = { views: ["plain", "mirrored"] as const, onNote: () => {}, onProgress: () => {}, yieldPoint: async () => {} };
const dataOf = (hash: string, train: Split, test: Split) => ({ path: "/photos", hash, train, validation: null, test }) as unknown as Dataset;

test("mirrored features are those of the mirrored image", async () => {
  const { train, test: ofTest } = await featuresOf(backbone, dataOf("a", split(false), split(true)), quietly);
  expect(train.get("mirrored")).toEqual(ofTest);
  expect(train.get("plain")).not.toEqual(ofTest);
});

test("what was kept has the same bits, and what is damaged is computed again", async () => {
  process.env.DISTILL_CACHE = folder.path("cache");
  const data = dataOf("b", split(false), split(true, 33));
  const first = await featuresOf(backbone, data, quietly);
  const again = await featuresOf(backbone, data, quietly);
  expect([first.computed, again.computed, again.known]).toEqual([113, 0, 113]);
  expect(again.train).toEqual(first.train);
  expect(again.test).toEqual(first.test);
  const [store] = storesIn(folder.path("cache", "images"));
  expect(store).toMatchObject({ what: "features", images: "/photos", fullBytes: 113 * 64 * 4 });
  damage(join(store!.folder, "pixels"), 4 * 64 * 2);
  const third = await featuresOf(backbone, data, quietly);
  expect([third.computed, third.train]).toEqual([32, first.train]);
});

test("other data have features of their own", async () => {
  process.env.DISTILL_CACHE = folder.path("cache");
  const { known } = await featuresOf(backbone, dataOf("c", split(false), split(true)), quietly);
  expect(known).toBe(0);
});

/** Changes a byte. */
function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}
