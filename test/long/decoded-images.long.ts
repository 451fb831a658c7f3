/**
 * What decoding costs, what reading from the store costs, and a million files. The figures are in docs/performance/images.md.
 * PHOTOS and FILES say how many of each (10,000 and 1,000,000); they take 2 and 8 GB on the disk, in FOLDER, where they stay for the next time, or below
 * TMPDIR.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { need } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { createStudent } from "../../src-main/training/student";
import { Trainer } from "../../src-main/training/trainer";

useBackend(loadAddon());
const PHOTOS = Number(process.env.PHOTOS ?? 10_000);
const FILES = Number(process.env.FILES ?? 1_000_000);
const KINDS = 200;
const BATCH = 128;
const BATCHES = Number(process.env.BATCHES ?? 400);

let folder: string;
beforeAll(() => {
  folder = process.env.FOLDER ?? mkdtempSync(join(tmpdir(), "decoded-images-"));
  rmSync(join(folder, "cache"), { recursive: true, force: true });
  vi.stubEnv("DISTILL_CACHE", join(folder, "cache"));
  console.log(cpus()[0]!.model, `${cpus().length} processors`);
});
afterAll(() => rmSync(process.env.FOLDER ? join(folder, "cache") : folder, { recursive: true, force: true }));

/** Images of noise over large shapes, which compress about as photos do. */
function pictures(width: number, height: number, encode: (image: Sharp) => Sharp): Promise<Buffer[]> {
  const picture = (n: number) => {
    const noise = { type: "gaussian", mean: 20 + n, sigma: 12 } as const;
    return encode(sharp({ create: { width, height, channels: 3, background: "#000", noise } }).blur(1.2)).toBuffer();
  };
  return Promise.all(Array.from({ length: KINDS }, (_, n) => picture(n)));
}

/** In classes, of each as many; a hundredth of them are test images. */
async function writeSet(name: string, count: number, classes: number, images: readonly Buffer[], ending: string): Promise<string> {
  const set = join(folder, name);
  if (existsSync(set)) return set;
  const perClass = count / classes;
  for (let k = 0; k < classes; k++) {
    for (const part of ["train", "test"]) mkdirSync(join(set, part, `class-${k}`), { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const part = i < Math.max(1, perClass / 100) ? "test" : "train";
      writeFileSync(join(set, part, `class-${k}`, `image-${i}.${ending}`), images[(7 * k + i) % images.length]!);
    }
  }
  return set;
}

const open = (path: string, storeSize: number) =>
  openDataset({ path, format: "image-folder", trainLimit: null, testLimit: null }, { storeSize, onNote: (text) => console.log(`note: ${text}`) });

/** Needs the first images of a split in batches; CPU seconds of all threads. */
async function needAll({ train }: Dataset, count: number): Promise<number> {
  const before = process.cpuUsage();
  const batch = (first: number) => Int32Array.from({ length: Math.max(0, Math.min(BATCH, count - first)) }, (_, i) => first + i);
  for (let first = 0; first < count; first += BATCH) await need(train, batch(first), batch(first + BATCH));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

it(`${PHOTOS} photos of 500x375 at 224 px`, async () => {
  const set = await writeSet("photos", PHOTOS, 10, await pictures(500, 375, (image) => image.jpeg({ quality: 90 })), "jpg");
  const cost = async () => {
    const began = process.cpuUsage();
    const data = await open(set, 224);
    const { user, system } = process.cpuUsage(began);
    const seconds = await needAll(data, data.train.count);
    const result = { opening: (user + system) / 1e6, perImage: (1e3 * seconds) / data.train.count };
    data.release();
    return result;
  };
  const [decoded, stored] = [await cost(), await cost()];
  console.log("CPU: opening in s, each image in ms:", { decoded, stored, share: stored.perImage / decoded.perImage });
  expect(stored.perImage).toBeLessThan(0.05 * decoded.perImage);
});

/** By this process: time of all processors, and memory in MB: all that is resident now, what JavaScript's heap holds of that, and the most that was. */
function spent() {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    rss: Math.round(rss / 1e6),
    heapUsed: Math.round(heapUsed / 1e6),
    peak: existsSync("/proc/self/status") ? peak() : null,
  };
}
const peak = () => Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1e3);

it(`${FILES} files of 32 px in 1,000 classes`, async () => {
  const set = await writeSet("files", FILES, 1000, await pictures(32, 32, (image) => image.png()), "png");
  console.log("written", spent());
  const recipe = parseRecipe({ data: { path: set }, student: { model: "vit_micro_patch4_32" }, teacher: null, train: { epochs: 1, batchSize: BATCH } });
  for (const start of ["first", "second"]) {
    const began = performance.now();
    const data = await open(set, 32);
    const scanned = performance.now();
    console.log(start, "start: scanned in s", (scanned - began) / 1e3, spent());
    const student = createStudent({ ...recipe.student, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }, data.classes, 0);
    const trainer = new Trainer({ arm: "single", recipe: resolveArithmetic(recipe, EARLIER), data, student, teacher: null });
    for (let batch = 1; batch <= BATCHES; batch++) {
      await trainer.prepare();
      trainer.step();
      if (batch === 1 || batch % (BATCHES / 4) === 0) console.log(`batch ${batch} done, s after the scan:`, (performance.now() - scanned) / 1e3, spent());
    }
    trainer.release();
    data.release();
  }
});
