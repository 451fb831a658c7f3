import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { InputError } from "../contract/failure";
import type { Addon, CudaInventory } from "./addon";
import { addonPath } from "./load";

const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = { linux: "libdistill_cuda.so", win32: "distill_cuda.dll" };

/** Whether CUDA can be used here, and why. */
export interface CudaStatus {
  available: boolean;
  reason: string;
  gpus: CudaInventory["gpus"];
}

/** The CUDA library built beside the addon; null where there is none, as on a machine that had no nvcc when it was built. */
export function cudaLibrary(): string | null {
  const file = LIBRARIES[process.platform];
  const path = file && join(dirname(addonPath()), file);
  return path && existsSync(path) ? path : null;
}

export function cudaStatus(addon: Addon, library: string | null = cudaLibrary()): CudaStatus {
  const unavailable = (reason: string) => ({ available: false, reason, gpus: [] });
  if (!library) return unavailable("the CUDA library is not part of this copy of the program: it was built without nvcc");
  try {
    const { driver, runtime, gpus } = addon.cudaGpus(library);
    if (gpus.length === 0) return unavailable("there is no NVIDIA GPU in this machine");
    const found = gpus.map(({ name, memoryBytes, capability }) => `${name}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, compute capability ${capability}`);
    return { available: true, reason: `${found.join("; ")}; driver for CUDA ${driver}, library built with ${runtime}`, gpus };
  } catch (error) {
    return unavailable((error as Error).message);
  }
}

/**
 * Moves to the device that a recipe wants; nothing may be in native memory. "auto" is the processor, until the kernels have been seen right
 * and faster on real GPUs. Throws an InputError with the reason if "cuda" is wanted and not available.
 */
export function useDevice(addon: Addon, wanted: "auto" | "cpu" | "cuda", library: string | null = cudaLibrary()): void {
  if (wanted !== "cuda") {
    addon.useCpu();
    return;
  }
  const { available, reason } = cudaStatus(addon, library);
  if (!available) throw new InputError(`device: "cuda" is not available: ${reason}; expected "auto" or "cpu" here`);
  addon.useCuda(library!, 0);
}
