import { constants } from "node:buffer";
import { readFileSync } from "node:fs";
import { freemem, platform, totalmem } from "node:os";
import { InputError } from "../contract/failure";

/** What to do about images that do not fit. */
export const FEWER_IMAGES = "limit the images (data.trainLimit, data.testLimit) or choose smaller image sizes";

/** Throws an InputError if `count` images [side,side,3] do not fit into memory, of which `available` bytes are free. */
export function checkMemory(count: number, side: number, available: number = availableMemory()): void {
  const bytes = count * side * side * 3;
  const images = `${count} images of ${side}x${side} pixels`;
  if (bytes > constants.MAX_LENGTH)
    throw new InputError(`${images} are ${gigabytes(bytes)}; at most ${gigabytes(constants.MAX_LENGTH)} can be read: ${FEWER_IMAGES}`);
  // Once as read, and once in the backend.
  const needed = 2 * bytes;
  if (needed > available) throw new InputError(`${images} need ${gigabytes(needed)} of memory; ${gigabytes(available)} are free: ${FEWER_IMAGES}`);
}

/** Bytes available without swapping. Except on Windows, what the system counts as free leaves out memory that only caches files. */
export function availableMemory(): number {
  if (platform() === "darwin") return totalmem() / 2;
  const kilobytes = platform() === "linux" ? /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] : undefined;
  return kilobytes ? Number(kilobytes) * 1024 : freemem();
}

export const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
