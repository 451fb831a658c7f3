import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = (name: string) => fileURLToPath(new URL(`../../native/build/Release/${name}`, import.meta.url));

/** The CUDA library for machines without a GPU, the emulator's own test program, and the driver of test/gpu/all.sh; `npm test` builds them. */
export const emulatedLibrary = built("libdistill_cuda_emulated.so");
export const emulatorFaults = built("emulator_faults");
export const gpuDriver = built("distill_cuda_bench");

/** Why tests on the emulator cannot run; null if they can. */
export const noEmulator = [emulatedLibrary, emulatorFaults, gpuDriver].every(existsSync)
  ? null
  : "run by `npm test` on Linux with g++, which builds the emulator";
