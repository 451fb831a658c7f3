import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import type { Pixels, RawSplit } from "./dataset";

const SIDE = 32;
const PLANE = SIDE * SIDE;
/** One label byte, then the R, G and B planes of 32x32, row-major. */
const RECORD = 1 + 3 * PLANE;

const CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** The files of CIFAR-10's binary version in a folder; each may hold any number of records. */
export interface Cifar10Files {
  classes: string[];
  train: string[];
  test: string[];
}

/** Finds and checks the files without reading the images. Throws an InputError that names a missing or truncated file. */
export function cifar10Files(folder: string): Cifar10Files {
  const numbered = readdirSync(folder).flatMap((name) => {
    const number = /^data_batch_(\d+)\.bin$/.exec(name)?.[1];
    return number ? [{ name, number: Number(number) }] : [];
  });
  const train = numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(folder, name));
  const test = [join(folder, "test_batch.bin")];
  for (const file of [...train, ...test]) recordsIn(file);
  return { classes: classesIn(folder), train, test };
}

/** Number of images in a file. */
export function recordsIn(file: string): number {
  if (!existsSync(file)) throw new InputError(`${file} is missing: CIFAR-10's binary version has data_batch_1.bin to data_batch_5.bin and test_batch.bin`);
  const { size } = statSync(file);
  if (size === 0 || size % RECORD !== 0)
    throw new InputError(`${file} has ${size} bytes, which is not a whole number of records of ${RECORD} bytes: it is truncated or not CIFAR-10; get it again`);
  return size / RECORD;
}

function classesIn(folder: string): string[] {
  const file = join(folder, "batches.meta.txt");
  if (!existsSync(file)) return CLASSES;
  const classes = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (classes.length < 2) throw new InputError(`${file}: expected two or more class names, one a line, got ${classes.length}`);
  return classes;
}

/** Reads both splits, of each the first images up to its limit. */
export function readCifar10(folder: string, limits: { train: number | null; test: number | null }): { classes: string[]; train: RawSplit; test: RawSplit } {
  const { classes, train, test } = cifar10Files(folder);
  return { classes, train: readSplit(train, limits.train, classes), test: readSplit(test, limits.test, classes) };
}

function readSplit(files: string[], limit: number | null, classes: string[]): RawSplit {
  const available = files.reduce((sum, file) => sum + recordsIn(file), 0);
  const count = Math.min(limit ?? available, available);
  const split: RawSplit = { labels: new Int32Array(count), pixels: new Uint8Array(count * 3 * PLANE), H: SIDE, W: SIDE };
  let n = 0;
  for (const file of files) {
    if (n === count) break;
    for (const { label, planes } of recordsOf(file, classes).slice(0, count - n)) {
      split.labels[n] = label;
      interleave(planes, split.pixels, n * 3 * PLANE);
      n++;
    }
  }
  return split;
}

export interface Cifar10Record {
  label: number;
  /** [3,32,32], a view of the file's bytes. */
  planes: Uint8Array;
}

/** The records of a file in its order. Throws an InputError if a label is not that of a class. */
export function recordsOf(file: string, classes: readonly string[]): Cifar10Record[] {
  const bytes = readFileSync(file);
  return Array.from({ length: bytes.length / RECORD }, (_, index) => {
    const start = index * RECORD;
    const label = bytes[start]!;
    if (label >= classes.length)
      throw new InputError(`${file}: record ${index} has label ${label}, but there are ${classes.length} classes: the file is damaged or not CIFAR-10`);
    return { label, planes: bytes.subarray(start + 1, start + RECORD) };
  });
}

export function pixelsOf({ planes }: Cifar10Record): Pixels {
  const data = new Uint8Array(3 * PLANE);
  interleave(planes, data, 0);
  return { data, H: SIDE, W: SIDE };
}

/** Planes [3,H,W] to pixels [H,W,3], written to `to` from `offset`. */
function interleave(planes: Uint8Array, to: Uint8Array, offset: number): void {
  for (let p = 0; p < PLANE; p++) {
    to[offset + 3 * p] = planes[p]!;
    to[offset + 3 * p + 1] = planes[PLANE + p]!;
    to[offset + 3 * p + 2] = planes[2 * PLANE + p]!;
  }
}
