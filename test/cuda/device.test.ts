import { existsSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { cudaLibrary, cudaStatus, useDevice } from "../../src-main/backend/device";
import { loadAddon } from "../../src-main/backend/load";
import { emulatedLibrary, noEmulator } from "./emulated";

const addon = loadAddon();
beforeEach(() => addon.useCpu());

describe("where CUDA cannot be used, the reason is said", () => {
  it("no library", () => {
    expect(cudaStatus(addon, null)).toMatchObject({ available: false, reason: expect.stringContaining("built without nvcc") });
    expect(() => useDevice(addon, "cuda", null)).toThrow(/device: "cuda" is not available: .* expected "auto" or "cpu" here/);
    expect(addon.device()).toBe("cpu");
  });

  it("no driver", (test) => {
    if (cudaLibrary() === null) test.skip("the CUDA library was not built, as nvcc is not installed");
    if (existsSync("/proc/driver/nvidia/version")) test.skip("this machine has a driver");
    expect(cudaStatus(addon)).toMatchObject({ available: false, reason: "there is no NVIDIA driver that this library can use" });
  });

  it("a library that cannot be opened", () => {
    expect(cudaStatus(addon, "/nowhere/libdistill_cuda.so")).toMatchObject({
      available: false,
      reason: expect.stringContaining("/nowhere/libdistill_cuda.so"),
    });
  });

  it("a library that is another one", () => {
    expect(() => addon.useCuda(process.execPath, 0)).toThrow(expect.objectContaining({ code: "CUDA_UNAVAILABLE" }));
  });
});

describe("a GPU", () => {
  it("is used where a recipe asks for it, and left again", (test) => {
    if (noEmulator) test.skip(noEmulator);
    expect(cudaStatus(addon, emulatedLibrary)).toMatchObject({ available: true, gpus: [{ name: "Emulator", capability: "8.0" }] });
    useDevice(addon, "cuda", emulatedLibrary);
    expect(addon.device()).toBe("cuda");
    useDevice(addon, "auto", emulatedLibrary);
    expect(addon.device()).toBe("cpu");
  });

  it("is not left while tensors are on it", (test) => {
    if (noEmulator) test.skip(noEmulator);
    const tensor = addon.alloc("f32", [4]);
    expect(() => addon.useCuda(emulatedLibrary, 0)).toThrow("expected all tensors to be released first");
    addon.release(tensor);
  });

  it("that runs out of memory fails with words", (test) => {
    if (noEmulator) test.skip(noEmulator);
    addon.useCuda(emulatedLibrary, 0);
    expect(() => addon.alloc("f32", [2 ** 31])).toThrow(expect.objectContaining({ code: "OUT_OF_MEMORY", message: expect.stringContaining("on the GPU") }));
  });

  it.for([0, 7, 12345])("draws the processor's random numbers, bit by bit: seed %i", (seed, test) => {
    if (noEmulator) test.skip(noEmulator);
    const draw = () => {
      const [normal, uniform, order] = [addon.alloc("f32", [1003]), addon.alloc("f32", [1003]), addon.alloc("i32", [257])];
      addon.randomNormal({ y: normal, seed, stream: 3, mean: 0.5, std: 2 });
      addon.randomUniform({ y: uniform, seed, stream: 4, low: -1, high: 3 });
      addon.randomPermutation({ y: order, seed, stream: 5 });
      return [normal, uniform, order].map((tensor) => {
        const values = addon.read(tensor);
        addon.release(tensor);
        return values;
      });
    };
    const expected = draw();
    addon.useCuda(emulatedLibrary, 0);
    expect(draw()).toEqual(expected);
  });
});
