/** Which places are inside which folders, wherever links lead. */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

/** Whether a path is `root` or below it, both as it is written and where links lead. What is written elsewhere is not even looked up. */
export const isWithin = (path: string, root: string): boolean => isWithinReal(path, root, realPathOf(root));

/** The same, where the root led to `realRoot` when it was chosen; null: nowhere. */
export function isWithinReal(path: string, root: string, realRoot: string | null): boolean {
  if (realRoot === null || !isInside(resolve(path), resolve(root))) return false;
  const real = realPathOf(path);
  return real !== null && isInside(real, realRoot);
}

/** By their names alone. */
export function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The path without links, as far as it exists; null for a link that leads nowhere. */
export function realPathOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    // What does not exist leads nowhere else. A link to nowhere is there, and could be written through.
    const parent = isThere(path) ? null : realPathOf(dirname(path));
    return parent === null ? null : join(parent, basename(path));
  }
}

export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Something on the way is no folder, or closed to this user.
    return false;
  }
}
