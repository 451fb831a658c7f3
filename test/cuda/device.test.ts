import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { cudaLibrary, cudaStatus, useDevice } from "../../src-main/backend/device";
import { loadAddon } from "../../src-main/backend/load";
import { emulatedLibrary, noEmulator } from "./emulated";

const addon = loadAddon();
beforeEach(() => addon.useCpu());
afterEach(() => {
  delete process.env.DISTILL_EMULATOR;
  delete process.env.DISTILL_CUDA_LIBRARY;
});

describe("where CUDA cannot be used, the reason is given", () => {
  it("no file where DISTILL_CUDA_LIBRARY says", () => {
    process.env.DISTILL_CUDA_LIBRARY = "/nowhere/cuda.so";
    expect(cudaStatus()).toEqual({ available: false, reason: "DISTILL_CUDA_LIBRARY names /nowhere/cuda.so, and there is no such file", gpus: [] });
  });

  it("no library", () => {
    expect(cudaStatus(null)).toMatchObject({ available: false, reason: expect.stringContaining("built without nvcc") });
    const refused = { code: "CUDA_UNAVAILABLE", message: expect.stringMatching(/device: "cuda" is not available: .* expected "auto" or "cpu" here/) };
    expect(() => useDevice(addon, "cuda", null)).toThrow(expect.objectContaining(refused));
    expect(addon.device()).toBe("cpu");
  });

  it("no driver", (test) => {
    if (cudaLibrary() === null) test.skip("the CUDA library was not built, as nvcc is not installed");
    if (existsSync("/proc/driver/nvidia/version")) test.skip("this machine has a driver");
    expect(cudaStatus()).toMatchObject({ available: false, reason: "there is no NVIDIA driver" });
  });

  it.for([
    ["driver=0", "there is no NVIDIA driver"],
    ["driver=12020", "the NVIDIA driver is too old: it knows CUDA 12.2, and 13.0 or newer is needed; update the driver"],
    ["capability=70", "Emulator has compute capability 7.0; 7.5 or newer is needed"],
    ["crash=1", "asking the NVIDIA driver failed: the process that asked was killed by SIGABRT"],
    ["hang=1", "asking the NVIDIA driver failed: it did not answer within 0.5 s"],
    ["lost-after=1", "cudaErrorIllegalAddress"],
  ] as const)("an emulated device with %s", ([settings, reason], test) => {
    if (noEmulator) test.skip(noEmulator);
    process.env.DISTILL_EMULATOR = settings;
    expect(cudaStatus(emulatedLibrary, 0.5)).toMatchObject({ available: false, reason: expect.stringContaining(reason), gpus: [] });
  });

  it("a library that cannot be opened", () => {
    expect(cudaStatus("/nowhere/libdistill_cuda.so")).toMatchObject({
      available: false,
      reason: expect.stringContaining("/nowhere/libdistill_cuda.so"),
    });
  });

  it("an unrelated library", () => {
    expect(() => addon.useCuda(process.execPath, 0)).toThrow(expect.objectContaining({ code: "CUDA_UNAVAILABLE" }));
  });
});

describe("a GPU", () => {
  beforeEach((test) => {
    if (noEmulator) test.skip(noEmulator);
  });

  it("is used when a recipe asks for it, and can be left again", () => {
    expect(cudaStatus(emulatedLibrary)).toMatchObject({ available: true, gpus: [{ name: "Emulator", memoryBytes: 2 ** 32, capability: "8.0" }] });
    useDevice(addon, "cuda", emulatedLibrary);
    expect(addon.device()).toBe("cuda");
    useDevice(addon, "auto", emulatedLibrary);
    expect(addon.device()).toBe("cpu");
  });

  it("is shown with the driver's release if NVIDIA's management library reports it", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "nvml-"));
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    });
    expect(cudaStatus(emulatedLibrary).reason).toBe("Emulator, 4 GiB, compute capability 8.0; driver for CUDA 13.0, library built with 13.0");
    const source = `#include <cstring>
      extern "C" int nvmlInit_v2() { return 0; }
      extern "C" int nvmlSystemGetDriverVersion(char *release, unsigned size) { std::strncpy(release, "580.95.05", size); return 0; }`;
    execFileSync("g++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", path.join(folder, "libnvidia-ml.so.1")], { input: source });
    vi.stubEnv("LD_LIBRARY_PATH", folder);
    expect(cudaStatus(emulatedLibrary).reason).toContain("; driver 580.95.05 for CUDA 13.0,");
  });

  it("is not left while tensors are on it", () => {
    const tensor = addon.alloc("f32", [4]);
    expect(() => addon.useCuda(emulatedLibrary, 0)).toThrow("expected all tensors to be released first");
    addon.release(tensor);
  });

  it("that runs out of memory fails with an explanation, and keeps working", () => {
    addon.useCuda(emulatedLibrary, 0);
    process.env.DISTILL_EMULATOR = "memory=2000000";
    const message = expect.stringMatching(
      /^out of memory on the GPU: asked for 4194304 bytes \(0 GiB\) with 0 GiB free of .* Use a smaller batch \(train\.batchSize\), image or model/,
    );
    expect(() => addon.alloc("f32", [1_000_000])).toThrow(
      expect.objectContaining({ code: "CUDA_OUT_OF_MEMORY", bytesAsked: 4_194_304, bytesFree: 2_000_000, message }),
    );
    addon.release(addon.alloc("f32", [1000]));
  });

  it("frees cached memory before it runs out: for tensors and for an op's workspace", () => {
    addon.useCuda(emulatedLibrary, 0);
    process.env.DISTILL_EMULATOR = "memory=2000000";
    addon.release(addon.alloc("f32", [400_000]));
    const [x, dy, dweight] = [addon.alloc("f32", [4000, 20]), addon.alloc("f32", [4000, 20]), addon.alloc("f32", [20, 20])];
    for (const y of [x, dy]) addon.fill({ y, value: 1 });
    addon.linearBackwardWeight({ x, dy, dweight });
    expect(addon.read(dweight)[0]).toBe(4000);
    for (const tensor of [x, dy, dweight]) addon.release(tensor);
  });

  it("reads later what a tensor held at the time of the call", () => {
    addon.useCuda(emulatedLibrary, 0);
    const y = addon.alloc("f32", [3]);
    const reads = [1, 2].map((value) => {
      addon.fill({ y, value });
      return addon.readLater(y);
    });
    addon.fill({ y, value: 3 });
    expect(reads.map((read) => [...addon.takeRead(read)])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(() => addon.takeRead(reads[0]!)).toThrow("takeRead: read: expected what readLater returned, once");
    addon.release(y);
  });

  it("keeps what the host wrote, however much is written before it is used", () => {
    addon.useCuda(emulatedLibrary, 0);
    const size = 1_500_000;
    const tensors = Array.from({ length: 6 }, (_, i) => {
      const tensor = addon.alloc("f32", [size]);
      addon.write(tensor, new Float32Array(size).fill(i));
      return tensor;
    });
    for (const [i, tensor] of tensors.entries()) {
      expect(addon.read(tensor).every((value) => value === i)).toBe(true);
      addon.release(tensor);
    }
  });

  it.for([0, 7, 12345])("draws random numbers bitwise equal to the processor's: seed %i", (seed) => {
    const draw = () => {
      const [normal, uniform] = [addon.alloc("f32", [1003]), addon.alloc("f32", [1003])];
      const [order, views] = [addon.alloc("i32", [257]), addon.alloc("i32", [257, 3])];
      addon.randomNormal({ y: normal, seed, stream: 3, mean: 0.5, std: 2 });
      addon.randomUniform({ y: uniform, seed, stream: 4, low: -1, high: 3 });
      addon.randomPermutation({ y: order, seed, stream: 5 });
      addon.sampleViews({ y: views, crop: 4, flip: true, seed, epoch: 6 });
      return [normal, uniform, order, views].map((tensor) => {
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

describe("a recording", () => {
  beforeEach((test) => {
    if (noEmulator) test.skip(noEmulator);
    addon.useCuda(emulatedLibrary, 0);
  });

  it("does nothing until it is replayed, and then the same each time, in memory that is not given to anyone else", () => {
    const [x, y] = [addon.alloc("f32", [100]), addon.alloc("f32", [100])];
    addon.fill({ y: x, value: 1 });
    addon.fill({ y, value: 0 });
    addon.beginRecording();
    const between = addon.alloc("f32", [100]);
    addon.add({ a: x, b: y, y: between });
    addon.copy({ from: between, to: y });
    addon.release(between);
    const recording = addon.endRecording();
    expect(addon.read(y)[0]).toBe(0);
    const others = Array.from({ length: 3 }, () => addon.alloc("f32", [100]));
    for (const other of others) addon.fill({ y: other, value: 9 });
    for (let i = 0; i < 3; i++) addon.replay(recording);
    expect(addon.read(y)[99]).toBe(3);
    for (const other of others) expect(addon.read(other)[0]).toBe(9);
    addon.releaseRecording(recording);
    for (const tensor of [x, y, ...others]) addon.release(tensor);
    expect(addon.memoryStats().inUse).toBe(0);
  });

  it("refuses labels that were changed to what its ops cannot take", () => {
    const [labels, y] = [addon.alloc("i32", [4]), addon.alloc("f32", [4, 3])];
    addon.fill({ y: labels, value: 0 });
    addon.beginRecording();
    addon.oneHot({ labels, y });
    const recording = addon.endRecording();
    addon.write(labels, Int32Array.of(0, 1, 2, 3));
    expect(() => addon.replay(recording)).toThrow("replay: labels of one_hot: expected values from 0 to 2 as when it was recorded, got others since");
    addon.write(labels, Int32Array.of(0, 1, 2, 2));
    addon.replay(recording);
    expect([...addon.read(y)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1]);
    addon.releaseRecording(recording);
    for (const tensor of [labels, y]) addon.release(tensor);
  });

  it("has written nothing before it is replayed: labels still hold what was there", () => {
    const [labels, y] = [addon.alloc("i32", [4]), addon.alloc("f32", [4, 3])];
    addon.fill({ y: labels, value: 9 });
    addon.beginRecording();
    addon.fill({ y: labels, value: 2 });
    addon.oneHot({ labels, y });
    const recording = addon.endRecording();
    expect(() => addon.oneHot({ labels, y })).toThrow("one_hot: labels: expected values from 0 to 2, got 9 at position 0");
    addon.replay(recording);
    addon.oneHot({ labels, y });
    addon.releaseRecording(recording);
    for (const tensor of [labels, y]) addon.release(tensor);
  });

  it("keeps the memory of all tensors that it uses until it is released", () => {
    const [x, y] = [addon.alloc("f32", [1000]), addon.alloc("f32", [1000])];
    for (const tensor of [x, y]) addon.fill({ y: tensor, value: 1 });
    addon.beginRecording();
    addon.add({ a: x, b: y, y });
    const recording = addon.endRecording();
    for (const tensor of [x, y]) addon.release(tensor);
    addon.trimMemory();
    addon.replay(recording);
    const other = addon.alloc("f32", [1000]);
    addon.fill({ y: other, value: 5 });
    addon.replay(recording);
    expect(addon.read(other)[999]).toBe(5);
    addon.release(other);
    expect(addon.memoryStats().inUse).toBeGreaterThan(0);
    addon.releaseRecording(recording);
    expect(addon.memoryStats().inUse).toBe(0);
  });

  it("keeps its ops' workspace when a later op needs more", () => {
    const backwardWeight = (rows: number) => {
      const [x, dy, dweight] = [addon.alloc("f32", [rows, 20]), addon.alloc("f32", [rows, 20]), addon.alloc("f32", [20, 20])];
      for (const y of [x, dy]) addon.fill({ y, value: 1 });
      return { x, dy, dweight };
    };
    const [small, large] = [backwardWeight(600), backwardWeight(6000)];
    addon.beginRecording();
    addon.linearBackwardWeight(small);
    const recording = addon.endRecording();
    addon.linearBackwardWeight(large);
    addon.replay(recording);
    expect([small, large].map(({ dweight }) => addon.read(dweight)[0])).toEqual([600, 6000]);
    addon.releaseRecording(recording);
    for (const tensor of [small, large].flatMap((each) => Object.values(each))) addon.release(tensor);
  });

  it.each([
    ["a read", (tensor: number) => addon.read(tensor), /a copy to the host cannot be part of a recording/],
    ["a read for later", (tensor: number) => addon.readLater(tensor), /a copy to the host cannot be part of a recording/],
    ["a write", (tensor: number) => addon.write(tensor, new Float32Array(4)), /a copy from the host cannot be part of a recording/],
  ])("refuses %s, and later calls work", (_, act, message) => {
    const tensor = addon.alloc("f32", [4]);
    addon.fill({ y: tensor, value: 1 });
    addon.beginRecording();
    expect(() => act(tensor)).toThrow(expect.objectContaining({ code: "CUDA_ERROR", message: expect.stringMatching(message) }));
    addon.releaseRecording(addon.endRecording());
    expect(addon.read(tensor)[0]).toBe(1);
    addon.release(tensor);
  });

  it("is invalid if memory was freed meanwhile, which waits for the device", () => {
    addon.release(addon.alloc("f32", [1000]));
    addon.beginRecording();
    addon.trimMemory();
    const refused = { code: "CUDA_ERROR", message: expect.stringContaining("cudaErrorStreamCaptureUnsupported") };
    expect(() => addon.endRecording()).toThrow(expect.objectContaining(refused));
    addon.beginRecording();
    addon.releaseRecording(addon.endRecording());
  });

  it("is not supported on the processor", () => {
    addon.useCpu();
    expect(addon.canRecord()).toBe(false);
    expect(() => addon.beginRecording()).toThrow("beginRecording: expected a device that records, got the processor");
    expect(() => addon.endRecording()).toThrow("endRecording: expected beginRecording first");
  });
});
