// npm run cuda, after the set-up: compiles the CUDA library for this machine's GPU or, without a GPU, for all architectures of a release. The
// library is a file of its own beside the addon, so that a machine without a driver works without it.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { devNull } from "node:os";
import path from "node:path";
import { has, nativeSources, root, run, step } from "./run.mjs";

const folder = "native/build/cuda";
const release = "native/build/Release";

/** The kernel files, and the folder of their compiled objects. */
export const cudaSources = () =>
  readdirSync(path.join(root, "native/cuda"))
    .filter((name) => name.endsWith(".cu"))
    .sort();
export const cudaObjects = path.join(folder, "CMakeFiles/distill_cuda.dir/cuda");

/** The architectures of a release: Turing to Blackwell, the last one also as PTX for later GPUs. */
export const releaseArchitectures = "75-real;80-real;86-real;89-real;90-real;100-real;120";

/** Why the library cannot be compiled here; null if it can be. */
export const noNvcc = () => (["nvcc", "/usr/local/cuda/bin/nvcc"].some(has) ? null : "nvcc (the CUDA toolkit) is not installed");

export const hasDriver = () => existsSync("/proc/driver/nvidia/version");

/** Compiles the library beside the addon; warnings are errors. Throws without nvcc. */
export async function buildCuda(architectures = hasDriver() ? "native" : releaseArchitectures) {
  const reason = noNvcc();
  if (reason) throw new Error(`${reason}: the CUDA library cannot be compiled here`);
  const library = path.join(release, "libdistill_cuda.so");
  await step(`CUDA library (${architectures})`, { inputs: nativeSources, products: [library] }, () => {
    const launcher = `${process.execPath} ${path.join(root, "build/compiler-log.mjs")}`;
    const options = { DISTILL_CUDA: "ON", DISTILL_CUDA_ARCHITECTURES: architectures, DISTILL_CUDA_LAUNCHER: launcher, CMAKE_BUILD_TYPE: "Release" };
    run("cmake", ["-S", "native", "-B", folder, ...Object.entries(options).map(([name, value]) => `-D${name}=${value}`)]);
    run("cmake", ["--build", folder, "--target", "distill_cuda", "--parallel", "2"]);
    copyFileSync(path.join(root, folder, "libdistill_cuda.so"), path.join(root, library));
  });
}

/** Compiles the same kernels for the emulator, its own test, and the driver for GPUs; where that is possible, else does nothing. Tests use them. */
export async function buildEmulator() {
  if (process.platform !== "linux") return;
  const targets = ["distill_cuda_emulated", "emulator_faults", "distill_gpu_driver"];
  await buildTesting("CUDA emulator", targets, ["libdistill_cuda_emulated.so", ...targets.slice(1)]);
}

/** The emulator and the driver once more, with sanitizers; where the compiler has them, else does nothing. */
export async function buildSanitized() {
  if (process.platform !== "linux" || !hasSanitizers()) return;
  const targets = ["distill_cuda_sanitized", "sanitized_driver", "sanitized_faults"];
  await buildTesting("CUDA emulator with sanitizers", targets, ["libdistill_cuda_sanitized.so", ...targets.slice(1)]);
}

/** The rigs of native/testing are a project of their own. */
async function buildTesting(name, targets, files) {
  const build = "native/build/testing";
  const products = files.map((file) => path.join(build, file));
  await step(name, { inputs: [...nativeSources, "native/testing"], products }, () => {
    run("cmake", ["-S", "native/testing", "-B", build]);
    run("cmake", ["--build", build, "--target", ...targets, "--parallel", "2"]);
  });
}

/** Whether AddressSanitizer and UndefinedBehaviorSanitizer can be linked: their libraries may be packages of their own. */
function hasSanitizers() {
  const options = ["-fsanitize=address,undefined", "-x", "c++", "-", "-o", devNull];
  return spawnSync(process.env.CXX ?? "c++", options, { input: "int main() {}" }).status === 0;
}

if (process.argv[1] === new URL(import.meta.url).pathname) await buildCuda(process.argv[2]);
