// What does not fit onto a GPU is sent to it batch by batch.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { need } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { png, writeFiles } from "../data/image-files";
import { emulatedLibrary, noEmulator } from "./emulated";

const addon = loadAddon();
useBackend(addon);
let data: Dataset | null = null;
afterEach(() => {
  data?.release();
  data = null;
  addon.useCpu();
  vi.unstubAllEnvs();
});

async function open(mostOnDevice?: number): Promise<{ data: Dataset; notes: string[] }> {
  const notes: string[] = [];
  const source = { path: "bundled", format: "auto", trainLimit: 600, testLimit: 100 } as const;
  data = await openDataset(source, { mostOnDevice, onNote: (text) => notes.push(text) });
  return { data, notes };
}

it("images for which the GPU has no room stay outside, which is said, and the hash is that of the same images", async (test) => {
  if (noEmulator) test.skip(noEmulator);
  const { hash } = (await open()).data;
  data!.release();
  // Room for the 100 test images, but not for the 600.
  vi.stubEnv("DISTILL_EMULATOR", "memory=1000000");
  addon.useCuda(emulatedLibrary, 0);
  const streamed = await open();
  expect(streamed.data.hash).toBe(hash);
  expect([streamed.data.train.stream !== undefined, streamed.data.test.stream !== undefined]).toEqual([true, false]);
  expect(streamed.notes).toEqual(["0.0 GB of images stay in the computer's memory or on its disk, and the GPU is sent those of each batch"]);
  const { train } = streamed.data;
  await need(train, Int32Array.of(599, 3, 599));
  const both = train.images.toUint8();
  await need(train, Int32Array.of(3));
  expect(both.subarray(3072)).toEqual(train.images.toUint8());
  expect([...train.stream!.rowsOf(Int32Array.of(3, 3))]).toEqual([0, 0]);
  expect(() => train.stream!.rowsOf(Int32Array.of(599))).toThrow("image 599 was not needed");
});

it("images may take a part of the GPU's memory only", async (test) => {
  if (noEmulator) test.skip(noEmulator);
  addon.useCuda(emulatedLibrary, 0);
  const { data } = await open(200 * 3072);
  expect([data.train.stream !== undefined, data.test.stream !== undefined]).toEqual([true, false]);
});

it("images that are read when they are needed stay on a GPU that has room for all", async (test) => {
  if (noEmulator) test.skip(noEmulator);
  const folder = mkdtempSync(join(tmpdir(), "growing-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [n, name] of ["train/a/1", "train/a/2", "train/b/1", "test/a/1", "test/b/1"].entries())
    writeFiles(folder, { [`${name}.png`]: await png(8, 8, [n, 50 * n, 9]) });
  const source = { path: folder, format: "auto", trainLimit: null, testLimit: null } as const;
  data = await openDataset(source, { storeSize: 16 });
  const expected = data.train.images.toUint8();
  data.release();
  addon.useCuda(emulatedLibrary, 0);
  data = await openDataset(source, { storeSize: 16, heldBytes: 0 });
  await need(data.train, Int32Array.of(2, 0));
  await need(data.train, Int32Array.of(1));
  expect(data.train.images.toUint8()).toEqual(expected);
});
