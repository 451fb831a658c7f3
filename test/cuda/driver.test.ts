// The driver that test/gpu/all.sh runs on a GPU, on the emulator: it takes the same library and the same cases.
import { spawnSync } from "node:child_process";
import { beforeEach, expect, it } from "vitest";
import { emulatedLibrary, gpuDriver, noCases, smallCases } from "./emulated";

const drive = (cases: string, emulator = "") =>
  spawnSync(gpuDriver, [emulatedLibrary], { input: cases, encoding: "utf8", env: { ...process.env, DISTILL_EMULATOR: emulator } });

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
