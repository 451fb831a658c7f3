// The driver that test/gpu/all.sh runs on a GPU, here on the emulator, with the same library interface and the same calls.
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { inferenceStep, training, trainingStep, upToRead } from "../gpu/calls";
import { caseCalls } from "../gpu/cases";
import { timedOps } from "../gpu/ops";
import type { Case } from "../ops/cases";
import { callsFile, emulatedLibrary, gpuDriver, noEmulator, smallCases } from "./emulated";

beforeEach((test) => {
  if (noEmulator) test.skip(noEmulator);
});

const drive = (files: string[], emulator = "") =>
  spawnSync(gpuDriver, [emulatedLibrary, ...files], { encoding: "utf8", env: { ...process.env, DISTILL_EMULATOR: emulator } });
const play = (calls: string) => drive([callsFile(calls)]);

describe("cases", () => {
  const layerNorm = (name: string, scale: number): Case => ({
    op: "layerNorm",
    name,
    inputs: { x: { shape: [2, 8], scale }, weight: { shape: [8] }, bias: { shape: [8] } },
    options: { eps: 0 },
  });

  it("finds the cases correct, op by op and recorded", () => {
    const { stdout, stderr, status } = drive(smallCases());
    expect(stdout).toMatch(/^right linear: one row; x residual y in bf16$/m);
    expect(stdout).toMatch(/\n[12]\d\d played, 0 wrong\n$/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("notices errors, and continues with the next case", () => {
    // Without an eps, rows of zeros have no finite result.
    const { stdout, status } = play(caseCalls(layerNorm("zeros", 0)) + caseCalls(layerNorm("fractions", 1)));
    expect(stdout).toMatch(/^WRONG zeros: y: relative error -?nan\n[\s\S]*\nright fractions\n2 played, 1 wrong\n$/m);
    expect(status).toBe(1);
  });

  it("reports what cannot be recorded, and continues with the next case", () => {
    const unrecordable = [
      "title upload",
      "compare 1e-5 0 bits",
      "alloc #0 u8 1,2,2,3",
      "numbers #0 1 0 256",
      "alloc #1 f32 1,4,4,3",
      "alloc #2 i32 1",
      "numbers #2 1 0 1",
      "begin_recording",
    ];
    const image = "assemble_batch images=#0 indices=#2 y=#1 mean=0,0,0, std=1,1,1,";
    const { stdout, status } = play(`${[...unrecordable, image, "end_recording 1", "replay 1", "read #1"].join("\n")}\n${caseCalls(layerNorm("next", 1))}`);
    expect(stdout).toMatch(/^WRONG upload: recorded and replayed: a copy from the host cannot be part of a recording\nright next\n2 played, 1 wrong\n$/);
    expect(status).toBe(1);
  });

  it("ends with the reason if the GPU is lost", () => {
    const { stderr, status } = drive(smallCases(), "lost-after=200");
    expect(stderr).toMatch(/^cudaErrorIllegalAddress: .* \(.*\.cu:\d+\); .* with CUDA_LAUNCH_BLOCKING=1 in the environment the cause is named$/m);
    expect(status).toBe(1);
  });
});

describe("models and training steps", () => {
  const small = { model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4 };
  const teacher = { model: "resnet20_cifar10", imageSize: 8 };

  it("finds the losses of training steps equal to those of the processor's ops", () => {
    // The third step's loss comes from the recording made in the second.
    const { stdout, stderr, status } = play(upToRead(3, training(small, teacher, "fp32")));
    expect([stdout, stderr, status]).toEqual(["right 20 steps of vit_micro_patch4_32, distilled from resnet20_cifar10, fp32\n1 played, 0 wrong\n", "", 0]);
  });

  it("notices a difference", () => {
    const { stdout, status } = play(upToRead(1, training(small, null, "bf16")).replace(/^compare .*/m, "compare 0 0"));
    expect(stdout).toMatch(/^WRONG 20 steps of vit_micro_patch4_32, bf16: read 1: relative error 0\.\d+\n/);
    expect(status).toBe(1);
  });

  it("reports what is wrong with a call", () => {
    const { stdout, status } = play("title none\nalloc #1 f32 2\nadd a=#1 b=#2 y=#1\n");
    expect(stdout).toBe("WRONG none: no tensor #2\n1 played, 1 wrong\n");
    expect(status).toBe(1);
  });

  it.each([
    ["training step", trainingStep],
    ["inference", inferenceStep],
  ])("times a %s", (kind, step) => {
    const { stdout, stderr, status } = play(step("small", small, 2));
    expect(stdout).toMatch(new RegExp(`^small, ${kind}, bf16 +\\d+ images/s +[\\d.]+ ms +\\d+ MB at most\n`));
    expect([stderr, status]).toEqual(["", 0]);
  });
});

it("times the ops of a model one by one", () => {
  // At the models' sizes the emulator would take hours: a few rows of the same calls.
  const [qkv] = timedOps()
    .replaceAll(/\b25216\b/g, "3")
    .split(/^(?=title )/m);
  const { stdout, stderr, status } = play(qkv!);
  const time = " +[\\d.]+ us +[\\d.]+ TFLOP/s +\\d+ GB/s\n";
  const ops = ["linear_forward", "linear_backward_input", "linear_backward_weight"];
  expect(stdout).toMatch(new RegExp(`^ViT-tiny 224/16: qkv: .*\n${ops.map((op) => `  ${op}${time}`).join("")}1 played, 0 wrong\n$`));
  expect([stderr, status]).toEqual(["", 0]);
});
