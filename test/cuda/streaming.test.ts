// What does not fit onto a GPU is sent to it batch by batch.
import { afterEach, expect, it, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { need } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { openDataset } from "../../src-main/data/open-dataset";
import { useBackend } from "../../src-main/tensor/tensor";
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
