import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Machine } from "../contract/arithmetic";
import type { Gpu } from "../contract/doctor";
import { CudaUnavailable } from "../contract/failure";
import type { Addon } from "./addon";
import { addonPath } from "./load";

const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = { linux: "libdistill_cuda.so", win32: "distill_cuda.dll" };
const PROBE = process.platform === "win32" ? "distill_cuda_probe.exe" : "distill_cuda_probe";
const PROBE_SECONDS = 60;

/** Whether CUDA can be used here, and why. */
export interface CudaStatus {
  available: boolean;
  reason: string;
  gpus: Gpu[];
}

/**
 * The CUDA library that was built beside the addon; null if there is none, as on a machine that was built without nvcc.
 * DISTILL_CUDA_LIBRARY can name another file.
 */
export function cudaLibrary(): string | null {
  const file = LIBRARIES[process.platform];
  const path = process.env.DISTILL_CUDA_LIBRARY ?? (file && join(dirname(addonPath()), file));
  return path && existsSync(path) ? path : null;
}

/** Looks for GPUs and runs a kernel in a throw-away process, because a broken driver may kill or block whoever asks it. */
export function cudaStatus(library: string | null = cudaLibrary(), seconds: number = PROBE_SECONDS): CudaStatus {
  const unavailable = (reason: string) => ({ available: false, reason, gpus: [] });
  if (!library) return unavailable(noLibrary());
  const answer = probe(library, seconds);
  if ("unavailable" in answer) return unavailable(answer.unavailable);
  const { driver, release, runtime, gpus } = answer;
  const found = gpus.map(({ name, memoryBytes, capability }) => `${name}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, compute capability ${capability}`);
  return { available: true, reason: `${found.join("; ")}; driver ${release ? `${release} ` : ""}for CUDA ${driver}, library built with ${runtime}`, gpus };
}

function noLibrary(): string {
  const named = process.env.DISTILL_CUDA_LIBRARY;
  if (named) return `DISTILL_CUDA_LIBRARY names ${named}, and there is no such file`;
  return "the CUDA library is not part of this copy of the program: it was built without nvcc";
}

/** CUDA versions: the newest that the driver knows and the one the library was built with. `release`: the driver's own version, "" if unknown. */
type Answer = { driver: string; runtime: string; release: string; gpus: Gpu[] } | { unavailable: string };

function probe(library: string, seconds: number): Answer {
  const program = join(dirname(addonPath()), PROBE);
  const { error, signal, status, stdout, stderr } = spawnSync(program, [library], { encoding: "utf8", timeout: 1000 * seconds, killSignal: "SIGKILL" });
  const failed = (how: string) => ({ unavailable: `asking the NVIDIA driver failed: ${how}` });
  if (error && "code" in error && error.code === "ETIMEDOUT") return failed(`it did not answer within ${seconds} s`);
  if (error) return failed(error.message);
  const words = stderr.trim() && `: ${stderr.trim()}`;
  if (signal) return failed(`the process that asked was killed by ${signal}${words}`);
  if (status !== 0) return failed(`the process that asked ended with exit code ${status}${words}`);
  return JSON.parse(stdout);
}

/**
 * Moves to the device that a recipe wants; native memory must be empty. "auto" means the processor until the kernels have proven correct
 * and faster on real GPUs. Returns the GPU in use; null: the processor. Throws CudaUnavailable with the reason if "cuda" is wanted but not available.
 */
export function useDevice(addon: Addon, wanted: "auto" | "cpu" | "cuda", library: string | null = cudaLibrary()): Gpu | null {
  if (wanted !== "cuda") {
    addon.useCpu();
    return null;
  }
  const { available, reason, gpus } = cudaStatus(library);
  if (!available) throw new CudaUnavailable(`device: "cuda" is not available: ${reason}; expected "auto" or "cpu" here`);
  addon.useCuda(library!, 0);
  return gpus[0]!;
}

/** What multiplies on a device, measured now. */
export function machineOf(addon: Addon, gpu: Gpu | null): Machine {
  if (gpu) return { device: "cuda", name: gpu.name, capability: gpu.capability };
  const { fp32, bf16 } = addon.measureProducts();
  return { device: "cpu", isa: addon.cpuFeatures().isa, gflops: { fp32: fp32 / 1e9, bf16: bf16 && bf16 / 1e9 } };
}
