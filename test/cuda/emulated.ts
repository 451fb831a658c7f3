import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = (name: string) => fileURLToPath(new URL(`../../native/build/Release/${name}`, import.meta.url));

/** The CUDA library for machines without a GPU, and the emulator's own test program; `npm test` builds both. */
export const emulatedLibrary = built("libdistill_cuda_emulated.so");
export const emulatorFaults = built("emulator_faults");

/** Why tests on the emulator cannot run; null if they can. */
export const noEmulator = existsSync(emulatedLibrary) && existsSync(emulatorFaults) ? null : "run by `npm test` on Linux with g++, which builds the emulator";
