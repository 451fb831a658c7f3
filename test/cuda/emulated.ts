import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const built = (name: string) => fileURLToPath(new URL(`../../native/build/testing/${name}`, import.meta.url));

/** The CUDA library for machines without a GPU, the emulator's own test program, and the driver of test/gpu/all.sh; `npm test` builds them. */
export const emulatedLibrary = built("libdistill_cuda_emulated.so");
export const emulatorFaults = built("emulator_faults");
export const gpuDriver = built("distill_gpu_driver");

/** Why tests on the emulator cannot run; null if they can. */
export const noEmulator = [emulatedLibrary, emulatorFaults, gpuDriver].every(existsSync)
  ? null
  : "run by `npm test` on Linux with g++, which builds the emulator";

/** The same library built with AddressSanitizer and UndefinedBehaviorSanitizer, a driver that can load it, and its test program. */
export const sanitizedLibrary = built("libdistill_cuda_sanitized.so");
export const sanitizedDriver = built("sanitized_driver");
export const sanitizedFaults = built("sanitized_faults");

/** Why tests with sanitizers cannot run; null if they can. */
export const noSanitizers =
  noEmulator ??
  ([sanitizedLibrary, sanitizedDriver, sanitizedFaults].every(existsSync)
    ? null
    : "AddressSanitizer or UndefinedBehaviorSanitizer is not installed: g++ does not find libasan or libubsan");

/** Files with the calls of the fast cases, one per op. */
export function smallCases(): string[] {
  const folder = fileURLToPath(new URL("../gpu/calls/small-cases", import.meta.url));
  return readdirSync(folder).map((name) => path.join(folder, name));
}

/** A file of calls (test/gpu/calls.ts) for the driver, which exists until the test is over. */
export function callsFile(calls: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "calls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "calls.txt");
  writeFileSync(file, calls);
  return file;
}
