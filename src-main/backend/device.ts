import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Gpu } from "../contract/engine";
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
 * The CUDA library built beside the addon; null where there is none, as on a machine that had no nvcc when it was built. Another file can be
 * named by DISTILL_CUDA_LIBRARY.
 */
export function cudaLibrary(): string | null {
  const file = LIBRARIES[process.platform];
  const path = process.env.DISTILL_CUDA_LIBRARY ?? (file && join(dirname(addonPath()), file));
  return path && existsSync(path) ? path : null;
}

/** Asks a process that is thrown away afterwards, as a broken driver may end or block who asks it: for the GPUs, and to run a kernel. */
export function cudaStatus(library: string | null = cudaLibrary(), seconds: number = PROBE_SECONDS): CudaStatus {
  const unavailable = (reason: string) => ({ available: false, reason, gpus: [] });
  if (!library) return unavailable("the CUDA library is not part of this copy of the program: it was built without nvcc");
  const answer = probe(library, seconds);
  if ("unavailable" in answer) return unavailable(answer.unavailable);
  const { driver, release, runtime, gpus } = answer;
  const found = gpus.map(({ name, memoryBytes, capability }) => `${name}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, compute capability ${capability}`);
  return { available: true, reason: `${found.join("; ")}; driver ${release ? `${release} ` : ""}for CUDA ${driver}, library built with ${runtime}`, gpus };
}

/** Versions of CUDA: the newest that the driver knows, and the one that the library was built with; and the driver's own, "" where it does not say. */
type Answer = { driver: string; runtime: string; release: string; gpus: Gpu[] } | { unavailable: string };

function probe(library: string, seconds: number): Answer {
  const program = join(dirname(addonPath()), PROBE);
  const { error, signal, status, stdout, stderr } = spawnSync(program, [library], { encoding: "utf8", timeout: 1000 * seconds, killSignal: "SIGKILL" });
  const failed = (how: string) => ({ unavailable: `asking the NVIDIA driver failed: ${how}` });
  if (error && "code" in error && error.code === "ETIMEDOUT") return failed(`it did not answer within ${seconds} s`);
  if (error) return failed(error.message);
  const words = stderr.trim() && `: ${stderr.trim()}`;
  if (signal) return failed(`the process that asked was ended by ${signal}${words}`);
  if (status !== 0) return failed(`the process that asked ended with exit code ${status}${words}`);
  return JSON.parse(stdout);
}

/**
 * Moves to the device that a recipe wants; nothing may be in native memory. "auto" is the processor, until the kernels have been seen right
 * and faster on real GPUs. Throws CudaUnavailable with the reason if "cuda" is wanted and not available.
 */
export function useDevice(addon: Addon, wanted: "auto" | "cpu" | "cuda", library: string | null = cudaLibrary()): void {
  if (wanted !== "cuda") {
    addon.useCpu();
    return;
  }
  const { available, reason } = cudaStatus(library);
  if (!available) throw new CudaUnavailable(`device: "cuda" is not available: ${reason}; expected "auto" or "cpu" here`);
  addon.useCuda(library!, 0);
}
