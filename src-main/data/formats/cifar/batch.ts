import type { Published } from "./published";

export const SIDE = 32;
export const PLANE = SIDE * SIDE;
/** Bytes of an image. */
export const PLANES = 3 * PLANE;

/** The images of one file. */
export interface Batch {
  /** [count]; they may name a class that does not exist. */
  labels: ArrayLike<number>;
  /** [count,3,32,32]: R, G and B, row-major. */
  planes: Uint8Array;
}

/** How a data set is stored, and which of its labels are taken. */
export interface Storage {
  published: Published;
  /** Whether a file of such a name, which may be a usual one, can be one of these. */
  looksRight(file: string): boolean;
  /** Throws an InputError that names the file, if it cannot be one of these. Cheap. */
  check(file: string): void;
  /** Throws an InputError that names the file. */
  read(file: string): Batch;
  /** The names that a folder says; null if it says none. */
  classesIn(folder: string): string[] | null;
  /** The names to use then. */
  classes: readonly string[];
}
