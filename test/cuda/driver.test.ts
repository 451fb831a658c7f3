// The driver that test/gpu/all.sh runs on a GPU, on the emulator: it takes the same library and the same cases.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { beforeEach, expect, it } from "vitest";
import { emulatedLibrary, gpuDriver, noEmulator } from "./emulated";

const root = path.resolve(__dirname, "../..");
const python = spawnSync("python3", ["--version"]).status === 0;

/** The cases that do not take long, from test/ops/cases.json. */
function smallCases(): string {
  const { stdout, stderr, status } = spawnSync("python3", ["native/cuda/bench/cases.py", "test/ops/cases.json", "--small"], { cwd: root, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const drive = (cases: string, emulator = "") =>
  spawnSync(gpuDriver, [emulatedLibrary], { input: cases, encoding: "utf8", env: { ...process.env, DISTILL_EMULATOR: emulator } });

beforeEach((test) => {
  if (noEmulator) test.skip(noEmulator);
  if (!python) test.skip("python3 is not installed");
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
  expect(stderr).toContain("cudaErrorIllegalAddress");
  expect(status).toBe(1);
});
