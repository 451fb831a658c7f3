// The driver that test/gpu/all.sh runs on a GPU, on the emulator: it takes the same library and the same cases.
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { inferenceStep, training, trainingStep, upToRead } from "../gpu/calls";
import { callsFile, emulatedLibrary, gpuDriver, noCases, noEmulator, smallCases } from "./emulated";

const drive = (cases: string, emulator = "") =>
  spawnSync(gpuDriver, [emulatedLibrary], { input: cases, encoding: "utf8", env: { ...process.env, DISTILL_EMULATOR: emulator } });

describe("cases", () => {
  beforeEach((test) => {
    const reason = noCases();
    if (reason) test.skip(reason);
  });

  it("finds the cases right, op by op and recorded", () => {
    const { stdout, stderr, status } = drive(smallCases());
    expect(stdout).toMatch(/^1\d\d cases, 0 wrong\n$/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("notices what is wrong, and goes on with the next case", () => {
    const layerNorm = (name: string, shape: string) =>
      `case layerNorm ; ${name}\nformula x\ninput x f32 ${shape} 1 0 0\ninput weight f32 8 1 0 0\ninput bias f32 8 1 0 0\n`;
    // Without an eps, rows of zeros have no finite result.
    const { stdout, status } = drive(layerNorm("zeros", "2,8").replace("2,8 1 0 0", "2,8 0 0 0") + layerNorm("fractions", "2,8"));
    expect(stdout).toMatch(/^WRONG zeros: dweight: relative error -?nan\n[\s\S]*2 cases, 1 wrong\n$/);
    expect(status).toBe(1);
  });

  it("ends with the reason when the GPU is lost", () => {
    const { stderr, status } = drive(smallCases(), "lost-after=200");
    expect(stderr).toMatch(/^cudaErrorIllegalAddress: .* \(.*\.cu:\d+\); .* with CUDA_LAUNCH_BLOCKING=1 in the environment the cause is named$/m);
    expect(status).toBe(1);
  });
});

describe("calls", () => {
  const small = { model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4 };
  const teacher = { model: "resnet20_cifar10", imageSize: 8 };

  beforeEach((test) => {
    if (noEmulator) test.skip(noEmulator);
  });

  it("finds the losses of a training right, as with the processor's ops", () => {
    // Of the third step the loss comes from what was recorded in the second.
    const { stdout, stderr, status } = play(upToRead(3, training(small, teacher, "fp32")));
    expect([stdout, stderr, status]).toEqual(["right 20 steps of vit_micro_patch4_32, distilled from resnet20_cifar10, fp32\n", "", 0]);
  });

  it("notices a difference", () => {
    const { stdout, status } = play(upToRead(1, training(small, null, "bf16")).replace(/^compare .*/m, "compare 0 0"));
    expect(stdout).toMatch(/^WRONG 20 steps of vit_micro_patch4_32, bf16: read 1: relative error 0\.\d+\n$/);
    expect(status).toBe(1);
  });

  it("says what is wrong with a call", () => {
    const { stdout, status } = play("title none\nalloc #1 f32 2\nadd a=#1 b=#2 y=#1\n");
    expect(stdout).toBe("WRONG none: no tensor #2\n");
    expect(status).toBe(1);
  });

  it.each([
    ["training step", trainingStep],
    ["inference", inferenceStep],
  ])("times a %s", (kind, step) => {
    const { stdout, stderr, status } = play(step("small", small, 2));
    expect(stdout).toMatch(new RegExp(`^small, ${kind}, bf16 +\\d+ images/s +[\\d.]+ ms +\\d+ MB at most\n$`));
    expect([stderr, status]).toEqual(["", 0]);
  });

  const play = (calls: string) =>
    spawnSync(gpuDriver, [emulatedLibrary, "--calls", callsFile(calls)], { encoding: "utf8", env: { ...process.env, DISTILL_EMULATOR: "" } });
});
