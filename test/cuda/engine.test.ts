// How the engine process handles a GPU that fails, or no GPU: a real process, which the test uses as the command line does.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { EngineClient } from "../../src-main/engine-client/client";
import { startEngine } from "../../src-main/engine-client/node-process";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe } from "../engine/experiment";
import { emulatedLibrary, noEmulator } from "./emulated";

const SCRIPT = path.resolve(__dirname, "../../out/engine/engine.cjs");

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

const clients: EngineClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  delete process.env.DISTILL_CUDA_LIBRARY;
  delete process.env.DISTILL_EMULATOR;
});

async function engine(library: string, emulator = ""): Promise<EngineClient> {
  process.env.DISTILL_CUDA_LIBRARY = library;
  process.env.DISTILL_EMULATOR = emulator;
  const client = await EngineClient.connect(startEngine(SCRIPT));
  clients.push(client);
  return client;
}

const run = (device: Recipe["device"], out: string) => {
  const recipe: Recipe = { ...smallRecipe(folder.teacher, { epochs: 1, batchSize: 2 }), device, teacher: null, distillation: null, control: null };
  return { kind: "train" as const, recipe: { ...recipe, data: { ...recipe.data, trainLimit: 4, testLimit: 2 } }, out: folder.path(out), resume: false };
};
const lastEvent = (out: string) => JSON.parse(readFileSync(folder.path(out, "events.jsonl"), "utf8").trim().split("\n").at(-1)!);

describe("a GPU", () => {
  it("is used for training, and reported by doctor", async (test) => {
    if (noEmulator) test.skip(noEmulator);
    const client = await engine(emulatedLibrary);
    const { backends, gpus } = await client.call("doctor", {});
    expect(backends).toContainEqual(expect.objectContaining({ name: "cuda", available: true, used: false }));
    expect(gpus).toMatchObject([{ name: "Emulator", capability: "8.0" }]);
    expect(await client.train(run("cuda", "trained"))).toMatchObject({ epochs: 1 });
    expect((await client.call("doctor", {})).backends).toContainEqual(expect.objectContaining({ name: "cuda", used: true }));
  });

  it("that is out of memory fails the run with the requested and the free amount, and the engine keeps running", async (test) => {
    if (noEmulator) test.skip(noEmulator);
    const client = await engine(emulatedLibrary, "memory=4500000");
    const refused = { code: "CUDA_OUT_OF_MEMORY", message: expect.stringMatching(/asked for \d+ bytes .* free of .* Use a smaller batch/) };
    await expect(client.train(run("cuda", "full"))).rejects.toMatchObject(refused);
    expect(await client.call("list", {})).toEqual([]);
    expect(await client.train(run("cpu", "after full"))).toMatchObject({ epochs: 1 });
  });

  it("that is lost ends the engine, whose last message says why; so does the run folder", async (test) => {
    if (noEmulator) test.skip(noEmulator);
    const client = await engine(emulatedLibrary, "lost-after=1000");
    await expect(client.train(run("cuda", "lost"))).rejects.toMatchObject({
      code: "ENGINE_DIED",
      message: expect.stringMatching(/exit code 1\): the GPU cannot be used any more by this process: cudaErrorIllegalAddress.*\.cu:\d+.* resumed/),
    });
    expect(lastEvent("lost")).toMatchObject({ type: "failed", text: expect.stringContaining("cudaErrorIllegalAddress") });
  });
});

it("without the CUDA library the engine trains on the processor, and says why there is no GPU", async () => {
  const client = await engine("/nowhere/libdistill_cuda.so");
  const reason = expect.stringContaining("DISTILL_CUDA_LIBRARY names /nowhere/libdistill_cuda.so, and there is no such file");
  const { backends, gpus } = await client.call("doctor", {});
  expect(backends).toContainEqual(expect.objectContaining({ name: "cuda", available: false, reason }));
  expect(gpus).toEqual([]);
  expect(await client.train(run("auto", "auto"))).toMatchObject({ epochs: 1 });
  await expect(client.train(run("cuda", "none"))).rejects.toMatchObject({ code: "CUDA_UNAVAILABLE", message: reason });
});
