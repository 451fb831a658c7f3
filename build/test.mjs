// npm test: sets up, prepares a desktop for tests if possible, checks, runs all tests, and ends with one line of counts.
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { buildCuda, noNvcc, releaseArchitectures } from "./cuda.mjs";
import { hasDisplay, virtualDisplay } from "./display.mjs";
import { unexplainedSpills } from "./kernels.mjs";
import { preparePython } from "./python.mjs";
import { nativeSources, root, run, runForeground, step } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { electronPackages, installSystemPackages } from "./system.mjs";
import { buildTesting } from "./testing.mjs";

const filters = process.argv.slice(2);
const python = pythonForTests();
await setUp();
await buildTesting();
await buildLowered();
const cuda = await compileCuda();
const { check } = await import("./check.mjs");
const desktop = await prepareDesktop();

const checks = check();
const report = path.join(root, "test-results", "counts.json");
const env = { ...process.env, ...desktop.env, ...(await prepareBrowser()), ...(await python), DISTILL_TEST_COUNTS: report };
// If this call is cut off, the report of an earlier one would pass for its own.
rmSync(report, { force: true });
const status = await runForeground(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...filters], { env });
desktop.close();

const tests = existsSync(report)
  ? JSON.parse(readFileSync(report, "utf8"))
  : { passed: 0, failures: [{ name: "vitest", reason: "it ended without a report" }], skips: [] };
const passed = tests.passed + checks.passed + cuda.passed;
const failures = [...tests.failures, ...checks.failures, ...cuda.failures];
if (failures.length === 0 && status !== 0) failures.push({ name: "vitest", reason: `it ended with ${status}` });
const skips = [...tests.skips, ...cuda.skips];
for (const { name, reason } of skips) console.log(`skipped: ${name}: ${reason}`);
// Last, where a log that is cut still has them.
for (const { name, reason } of failures) console.log(`failed: ${name}: ${reason}`);
console.log(`${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
process.exit(failures.length === 0 ? 0 : 1);

/** In CI, and for all tests, the packages that some compare with are installed meanwhile. A user's npm test downloads nothing of Python's. */
async function pythonForTests() {
  if (!process.env.CI || process.env.DISTILL_PYTHON || filters.length > 0) return {};
  const reason = await preparePython();
  if (reason === null) return {};
  console.log(`tests that compare with Python's packages are skipped: ${reason}`);
  return { DISTILL_NO_PYTHON: reason };
}

/** Builds the addon with its AVX-512 files compiled for AVX2 (native/cpu/lowered), if that is possible here. */
async function buildLowered() {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  await step("addon for tests without AVX-512", { inputs: nativeSources, products: ["native/build/Release/distill_core_lowered.node"] }, () =>
    run("cmake", ["--build", "native/build", "--target", "distill_core_lowered", "--parallel", "2"]),
  );
}

/** Compiles every kernel file for every architecture of a release. Warnings are errors, and so are unexplained register spills. */
async function compileCuda() {
  const reason = noNvcc();
  if (reason) return { passed: 0, failures: [], skips: [{ name: "CUDA kernels for all architectures", reason }] };
  try {
    await buildCuda(releaseArchitectures);
    const spills = unexplainedSpills();
    if (spills.length > 0) throw new Error(`kernels spill registers, and the notes in docs/cuda-kernels.md do not say why:\n${spills.join("\n")}`);
    console.log("check: CUDA kernels for all architectures: ok");
    return { passed: 1, failures: [], skips: [] };
  } catch (error) {
    console.log(`check: CUDA kernels for all architectures: FAILED\n${error.message}`);
    return { passed: 0, failures: [{ name: "check: CUDA kernels for all architectures", reason: "see above" }], skips: [] };
  }
}

/** The environment of the tests in a browser: which one, or the reason why they cannot run. */
async function prepareBrowser() {
  try {
    const { browserExecutable } = await import("./browser.mjs");
    return { DISTILL_BROWSER: browserExecutable() };
  } catch (error) {
    console.log(`tests in a browser are skipped: ${error.message}`);
    return { DISTILL_NO_BROWSER: error.message };
  }
}

/** The environment of the desktop tests (Electron, the packaged app and a display), or the reason why they cannot run. */
async function prepareDesktop() {
  try {
    installSystemPackages(electronPackages);
    const { electronExecutable, renewElectron } = await import("./electron.mjs");
    const { packageApp } = await import("./packaged-app.mjs");
    renewElectron();
    const env = { DISTILL_ELECTRON: electronExecutable(), DISTILL_PACKAGED_APP: await packageApp({ unsupportedElectron: true }) };
    if (hasDisplay() && process.platform !== "linux") return { env, close() {} };
    const virtual = await virtualDisplay();
    if (virtual) return { env: { ...env, DISPLAY: virtual.display }, close: virtual.close };
    if (hasDisplay()) return { env, close() {} };
    throw new Error("no display, and Xvfb is not installed");
  } catch (error) {
    console.log(`desktop tests are skipped: ${error.message}`);
    return { env: { DISTILL_NO_DESKTOP: error.message }, close() {} };
  }
}
