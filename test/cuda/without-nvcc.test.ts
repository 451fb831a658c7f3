// On a machine without the CUDA toolkit the build leaves out the CUDA library, and the program says so.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = path.resolve(__dirname, "../..");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "distill-without-nvcc-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (program: string, args: string[], env = {}) => spawnSync(program, args, { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });

it("without nvcc the native code is configured for the processor, and CMake says that the CUDA library is left out", () => {
  const { stdout, stderr, status } = run("cmake", ["-S", "native", "-B", folder, "-DDISTILL_CUDA=ON"], { CUDACXX: path.join(folder, "no-nvcc") });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("nvcc (the CUDA toolkit) was not found: the CUDA library is left out, and the program computes on the processor only");
  const targets = run("cmake", ["--build", folder, "--target", "help"]).stdout;
  expect(targets).toMatch(/\bdistill_core\b/);
  expect(targets).not.toMatch(/\bdistill_cuda\b/);
  // The rigs in native/testing are not part of the product.
  expect(targets).not.toMatch(/emulat|driver|sanitized|faults/);
});

it("a copy of the program without the CUDA library computes on the processor, and doctor says why", () => {
  for (const part of ["out/cli", "out/engine", "native/build/Release/distill_core.node"])
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const { stdout, stderr, status } = run(process.execPath, [path.join(folder, "out/cli/distill.cjs"), "doctor"]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^cpu +available, in use: /m);
  expect(stdout).toMatch(/^cuda +not available: the CUDA library is not part of this copy of the program: it was built without nvcc$/m);
});
