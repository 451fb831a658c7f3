import { statSync } from "node:fs";
import { join } from "node:path";
import type { RawSplit } from "./dataset";
import { digest, digestOfFile } from "./fingerprints";
import { shownPath, systemPath } from "./folder/names";
import { isHeld } from "./image-source";
import { stopPoint } from "./stop";

/** Images between two stop points. */
const AT_ONCE = 500;

/** What the images of a part are for. */
export type Role = "training" | "validation" | "test" | "unlabelled";

/** An image of a part. */
export interface Place {
  role: Role;
  n: number;
  /** Below 0: nobody knows. */
  label: number;
}

/** Pictures that are there more than once. */
export interface SamePictures {
  /** Of each such picture, its two or more places, in the order of the parts. */
  groups: readonly (readonly [Place, Place, ...Place[]])[];
  counts: Readonly<Partial<Record<Role, number>>>;
  /** An image's path, or its number. */
  nameOf(place: Place): string;
}

/** The images of a part, as they are compared. */
export interface Part {
  role: Role;
  labels: Int32Array;
  /** null: not worth comparing. */
  keyOf(n: number): string | number | null;
  nameOf(n: number): string;
}

export const numberedName = (role: Role, n: number): string => `${role} image ${n}`;

/**
 * Pictures that are equal by their pixels. The parts are in the order of `Role`, and have images of one size. Those that are not read yet are left to `sameFiles`.
 */
export async function samePictures(parts: readonly { role: Role; split: RawSplit }[], signal?: AbortSignal): Promise<SamePictures> {
  const compared = parts.map(({ role, split: { labels, pixels, files, fingerprintOf, H, W } }): Part => {
    const bytes = H * W * 3;
    const keyOfPixels = (n: number) => (isHeld(pixels) ? digest(pixels.subarray(n * bytes, (n + 1) * bytes)) : null);
    // Files may differ where pixels do not.
    const keyOf = files ? keyOfPixels : fingerprintOf;
    return { role, labels, keyOf, nameOf: (n) => files?.[n] ?? numberedName(role, n) };
  });
  return compare(compared, signal);
}

export interface Paths {
  labels: Int32Array;
  /** Below the folder. */
  path(n: number): string;
}

/** Of more training images, whether some are equal is not told before their pixels are there, unless they are to be left out: most of the files would have to be read. */
export const MOST_COMPARED = 20_000;

/** The same of files that are equal byte by byte: only those of equal size are read. `all`: however many there are. */
export async function sameFiles(folder: string, parts: readonly { role: Role; paths: Paths }[], all: boolean, signal?: AbortSignal): Promise<SamePictures> {
  const whole = (paths: Paths, n: number) => systemPath(join(folder, paths.path(n)));
  const [seen, repeated] = [new Set<number>(), new Set<number>()];
  // The largest part, training, is the last.
  for (const { paths } of [...parts].reverse()) {
    const isAdded = all || paths.labels.length <= MOST_COMPARED;
    for (let n = 0; n < paths.labels.length; n++) {
      const size = sizeOf(whole(paths, n));
      if (seen.has(size)) repeated.add(size);
      else if (isAdded) seen.add(size);
    }
  }
  const compared = parts.map(({ role, paths }): Part => {
    const keyOf = (n: number) => {
      const path = whole(paths, n);
      const size = sizeOf(path);
      return size > 0 && repeated.has(size) ? digestOfFile(path) : null;
    };
    return { role, labels: paths.labels, keyOf, nameOf: (n) => shownPath(paths.path(n)) };
  });
  return compare(compared, signal);
}

/** Images with equal keys. The parts are in the order of `Role`. */
export async function compare(parts: readonly Part[], signal?: AbortSignal): Promise<SamePictures> {
  const [first, groups] = [new Map<string | number, Place>(), new Map<string | number, [Place, Place, ...Place[]]>()];
  for (const { role, labels, keyOf } of parts)
    for (let n = 0; n < labels.length; n++) {
      if (n % AT_ONCE === 0) await stopPoint(signal);
      const key = keyOf(n);
      if (key === null) continue;
      const place: Place = { role, n, label: labels[n]! };
      const [before, group] = [first.get(key), groups.get(key)];
      if (group) group.push(place);
      else if (before) groups.set(key, [before, place]);
      else first.set(key, place);
    }
  return {
    groups: [...groups.values()],
    counts: Object.fromEntries(parts.map(({ role, labels }) => [role, labels.length])),
    nameOf: ({ role, n }) => parts.find((part) => part.role === role)!.nameOf(n),
  };
}

/** 0 if the system refuses; whoever decodes the file says so. */
function sizeOf(path: string | Buffer): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
