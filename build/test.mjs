// npm test: sets up, prepares a desktop to test on where that is possible, checks, runs all tests, and ends with one line of counts.
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { buildCuda, buildEmulator, buildSanitized, noNvcc, releaseArchitectures } from "./cuda.mjs";
import { hasDisplay, virtualDisplay } from "./display.mjs";
import { unexplainedSpills } from "./kernels.mjs";
import { nativeSources, root, run, runForeground, step } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { electronPackages, installSystemPackages } from "./system.mjs";

await setUp();
await buildEmulator();
await buildSanitized();
await buildLowered();
const cuda = await compileCuda();
const { check } = await import("./check.mjs");
const desktop = await prepareDesktop();

const checks = check();
const report = path.join(root, "test-results", "counts.json");
const env = { ...process.env, ...desktop.env, DISTILL_TEST_COUNTS: report };
// That of an earlier call would be taken for this one's if this one breaks off.
rmSync(report, { force: true });
const status = await runForeground(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)], { env });
desktop.close();

const tests = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : { passed: 0, failed: 1, skips: [] };
const passed = tests.passed + checks.passed + cuda.passed;
const failed = tests.failed + checks.failed + cuda.failed;
const skips = [...tests.skips, ...cuda.skips];
for (const { name, reason } of skips) console.log(`skipped: ${name}: ${reason}`);
console.log(`${passed} passed, ${failed} failed, ${skips.length} skipped`);
process.exit(failed === 0 && status === 0 ? 0 : 1);

/** The addon with its AVX-512 files compiled for AVX2 (native/cpu/lowered), where that is possible. */
async function buildLowered() {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  await step("addon for tests without AVX-512", { inputs: nativeSources, products: ["native/build/Release/distill_core_lowered.node"] }, () =>
    run("cmake", ["--build", "native/build", "--target", "distill_core_lowered", "--parallel", "2"]),
  );
}

/** Every kernel file for every architecture of a release, warnings being errors, and so are registers that do not suffice. */
async function compileCuda() {
  const reason = noNvcc();
  if (reason) return { passed: 0, failed: 0, skips: [{ name: "CUDA kernels for all architectures", reason }] };
  try {
    await buildCuda(releaseArchitectures);
    const spills = unexplainedSpills();
    if (spills.length > 0) throw new Error(`registers are spilled, and the notes of docs/cuda-kernels.md do not say why:\n${spills.join("\n")}`);
    console.log("check: CUDA kernels for all architectures: ok");
    return { passed: 1, failed: 0, skips: [] };
  } catch (error) {
    console.log(`check: CUDA kernels for all architectures: FAILED\n${error.message}`);
    return { passed: 0, failed: 1, skips: [] };
  }
}

/** Electron, the packaged app and a display, as environment for the desktop tests; or the reason why there is none. */
async function prepareDesktop() {
  try {
    installSystemPackages(electronPackages);
    const { electronExecutable } = await import("./electron.mjs");
    const { packageApp } = await import("./package.mjs");
    const env = { DISTILL_ELECTRON: electronExecutable(), DISTILL_PACKAGED_APP: await packageApp() };
    if (hasDisplay() && process.platform !== "linux") return { env, close() {} };
    const virtual = await virtualDisplay();
    if (virtual) return { env: { ...env, DISPLAY: virtual.display }, close: virtual.close };
    if (hasDisplay()) return { env, close() {} };
    throw new Error("no display, and Xvfb is not installed");
  } catch (error) {
    console.log(`desktop tests are left out: ${error.message}`);
    return { env: { DISTILL_NO_DESKTOP: error.message }, close() {} };
  }
}
