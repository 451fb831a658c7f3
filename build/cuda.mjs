// npm run cuda, after the set-up: compiles the CUDA library for this machine's GPU or, without a GPU, for all architectures of a release. The
// library is a file of its own beside the addon, so that a machine without a driver works without it.
import { copyFileSync, existsSync, readdirSync } from "node:fs";
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

if (process.argv[1] === new URL(import.meta.url).pathname) await buildCuda(process.argv[2]);
