// Builds the rigs of native/testing, a project of their own: what tests of native code run beside the addon itself. Linux only; what the compiler
// lacks is left out, and the tests that need it say so.
import { spawnSync } from "node:child_process";
import { devNull } from "node:os";
import path from "node:path";
import { nativeSources, run, step } from "./run.mjs";
import { installSystemPackages } from "./system.mjs";

const build = "native/build/testing";

/** All of them. */
export async function buildTesting() {
  if (process.platform !== "linux") return;
  await rig("CUDA emulator", ["distill_cuda_emulated", "emulator_faults", "distill_gpu_driver"]);
  if (canLink("address,undefined")) {
    await rig("CUDA emulator with sanitizers", ["distill_cuda_sanitized", "sanitized_driver", "sanitized_faults"]);
    await rig("addon with sanitizers", ["distill_core_sanitized"]);
  }
  if (process.arch === "x64") await rig("emulated tiles", ["emulated_tiles"]);
  if (canLink("thread")) await rig("thread pool with ThreadSanitizer", ["thread_pool"]);
  if (canBuildForArm64()) await buildForArm64();
}

/** Whether the compiler for arm64 and its emulator are installed, or could be; an arm64 processor needs neither, as its addon has the same code. */
function canBuildForArm64() {
  try {
    return process.arch !== "arm64" && installSystemPackages(["g++-aarch64-linux-gnu", "qemu-user-static"]);
  } catch (error) {
    console.log(`tests of the ops for arm64 are skipped: ${error.message}`);
    return false;
  }
}

async function buildForArm64() {
  const folder = "native/build/arm64";
  const inputs = [...nativeSources, "native/testing/arm64", "native/testing/driver"];
  await step("driver for arm64", { inputs, products: [path.join(folder, "distill_cpu_driver")] }, () => {
    run("cmake", ["-S", "native/testing/arm64", "-B", folder]);
    run("cmake", ["--build", folder, "--parallel", "2"]);
  });
}

async function rig(name, targets) {
  const products = targets.map((target) => path.join(build, fileOf(target)));
  await step(name, { inputs: [...nativeSources, "native/testing"], products }, () => {
    run("cmake", ["-S", "native/testing", "-B", build]);
    run("cmake", ["--build", build, "--target", ...targets, "--parallel", "2"]);
  });
}

/** Addons and libraries have endings of their own; programs have none. */
function fileOf(target) {
  if (target.startsWith("distill_core")) return `${target}.node`;
  return target.startsWith("distill_cuda") ? `lib${target}.so` : target;
}

/** Whether a program can be linked with these sanitizers: their libraries may be packages of their own. */
function canLink(sanitizers) {
  const options = [`-fsanitize=${sanitizers}`, "-x", "c++", "-", "-o", devNull];
  return spawnSync(process.env.CXX ?? "c++", options, { input: "int main() {}" }).status === 0;
}
