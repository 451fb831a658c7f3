// npm run cuda, after the set-up: compiles the CUDA library, for the GPU of this machine or, where there is none, for all architectures that a release holds.
// It is a file of its own beside the addon: a machine without a driver does without it.
import { copyFileSync, existsSync } from "node:fs";
import path from "node:path";
import { has, root, run, step } from "./run.mjs";

const folder = "native/build/cuda";
const release = "native/build/Release";

/** Of a release: Turing to Blackwell; the last one also as PTX for what comes after. */
export const releaseArchitectures = "75-real;80-real;86-real;89-real;90-real;100-real;120";

/** Why the library cannot be compiled here; null if it can. */
export const noNvcc = () => (["nvcc", "/usr/local/cuda/bin/nvcc"].some(has) ? null : "nvcc (the CUDA toolkit) is not installed");

export const hasDriver = () => existsSync("/proc/driver/nvidia/version");

/** Compiles the library beside the addon; warnings are errors. Throws where there is no nvcc. */
export async function buildCuda(architectures = hasDriver() ? "native" : releaseArchitectures) {
  const reason = noNvcc();
  if (reason) throw new Error(`${reason}: the CUDA library cannot be compiled here`);
  const library = path.join(release, "libdistill_cuda.so");
  await step(`CUDA library (${architectures})`, { inputs: ["native"], products: [library] }, () => {
    run("cmake", ["-S", "native", "-B", folder, "-DDISTILL_CUDA=ON", `-DDISTILL_CUDA_ARCHITECTURES=${architectures}`, "-DCMAKE_BUILD_TYPE=Release"]);
    run("cmake", ["--build", folder, "--target", "distill_cuda", "--parallel", "2"]);
    copyFileSync(path.join(root, folder, "libdistill_cuda.so"), path.join(root, library));
  });
}

/** Compiles the same kernels for the emulator, and its own test; where that is possible, else does nothing. Tests use both. */
export async function buildEmulator() {
  if (process.platform !== "linux") return;
  const products = ["libdistill_cuda_emulated.so", "emulator_faults"].map((name) => path.join(release, name));
  await step("CUDA emulator", { inputs: ["native"], products }, () => {
    run("cmake", ["--build", "native/build", "--target", "distill_cuda_emulated", "emulator_faults", "--parallel", "2"]);
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) await buildCuda(process.argv[2]);
