import { constants } from "node:buffer";
import { InputError } from "../contract/failure";
import { memory } from "../machine/memory";

/** What to do about images that do not fit. */
export const FEWER_IMAGES = "limit the images (data.trainLimit, data.testLimit) or choose smaller image sizes";

/** Throws an InputError if `count` images [side,side,3] do not fit into memory, of which `available` bytes are free. */
export function checkMemory(count: number, side: number, available: number = memory().available): void {
  const bytes = count * side * side * 3;
  const images = `${count} images of ${side}x${side} pixels`;
  if (bytes > constants.MAX_LENGTH)
    throw new InputError(`${images} are ${gigabytes(bytes)}; at most ${gigabytes(constants.MAX_LENGTH)} can be read: ${FEWER_IMAGES}`);
  // Once as read, and once in the backend.
  const needed = 2 * bytes;
  if (needed > available) throw new InputError(`${images} need ${gigabytes(needed)} of memory; ${gigabytes(available)} are free: ${FEWER_IMAGES}`);
}

export const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
