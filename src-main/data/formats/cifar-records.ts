import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../contract/failure";
import type { Pixels, RawSplit } from "../dataset";
import { encodePng } from "../decode";
import { stopPoint } from "../stop";
import { countsOf, type Format, firstOfEach } from "./format";

const SIDE = 32;
const PLANE = SIDE * SIDE;

/** The binary version of a CIFAR data set: files of records, each with a few label bytes and then the R, G and B planes of 32x32, row-major. */
export interface CifarLayout {
  /** For messages: "CIFAR-10". */
  name: string;
  /** Name of the folder in the official archive. */
  folder: string;
  /** A folder that holds this file has this layout. */
  sign: string;
  /** The files in words: "data_batch_1.bin to data_batch_5.bin and test_batch.bin". */
  files: string;
  /** The files in a folder, whether or not they exist; each may hold any number of records. */
  train(folder: string): string[];
  test: string;
  /** Bytes before the planes; the last of them is the label. */
  labelBytes: number;
  /** File of class names, one per line, and the names to use if it is missing. */
  classFile: string;
  classes: string[];
}

export function cifarFormat(layout: CifarLayout): Format {
  return {
    expected: `${layout.files} (${layout.name}, binary version), in it or in its folder ${layout.folder}`,
    detect: (folder) => [folder, join(folder, layout.folder)].find((candidate) => existsSync(join(candidate, layout.sign))) ?? null,
    read: async (folder, limits, { selection, signal }) => {
      const files = cifarFiles(layout, folder);
      const split = (paths: string[], limit: number | null) => readSplit(layout, paths, limit, files.classes, signal);
      const train = selection.part === "test" ? null : await split(files.train, limits.train);
      return { classes: files.classes, train, test: await split(files.test, limits.test) };
    },
    describe: async (folder, thumbnailsPerClass) => {
      const { classes, ...files } = cifarFiles(layout, folder);
      const records = (paths: string[]) => paths.flatMap((file) => recordsOf(layout, file, classes));
      const [train, test] = [records(files.train), records(files.test)];
      const shown = firstOfEach(classes, train, thumbnailsPerClass);
      return {
        classes,
        train: countsOf(train, classes),
        test: countsOf(test, classes),
        imageSize: { width: SIDE, height: SIDE },
        thumbnails: await Promise.all(shown.map(async (record) => ({ label: record.label, png: await encodePng(pixelsOf(record)) }))),
      };
    },
  };
}

interface CifarFiles {
  classes: string[];
  train: string[];
  test: string[];
}

/** Finds and checks the files without reading the images. Throws an InputError that names a missing or truncated file. */
export function cifarFiles(layout: CifarLayout, folder: string): CifarFiles {
  const paths = (names: string[]) => names.map((name) => join(folder, name));
  const [train, test] = [paths(layout.train(folder)), paths([layout.test])];
  for (const file of [...train, ...test]) recordsIn(layout, file);
  return { classes: classesIn(layout, folder), train, test };
}

/** Number of images in a file. */
function recordsIn(layout: CifarLayout, file: string): number {
  if (!existsSync(file)) throw new InputError(`${file} is missing: ${layout.name}'s binary version has ${layout.files}`);
  const { size } = statSync(file);
  const record = bytesPerRecord(layout);
  if (size === 0 || size % record !== 0)
    throw new InputError(
      `${file} has ${size} bytes, which is not a whole number of records of ${record} bytes: it is truncated or not ${layout.name}; download it again`,
    );
  return size / record;
}

function bytesPerRecord({ labelBytes }: CifarLayout): number {
  return labelBytes + 3 * PLANE;
}

function classesIn({ classFile, classes: known }: CifarLayout, folder: string): string[] {
  const file = join(folder, classFile);
  if (!existsSync(file)) return known;
  const classes = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (classes.length < 2) throw new InputError(`${file}: expected two or more class names, one per line, got ${classes.length}`);
  return classes;
}

async function readSplit(layout: CifarLayout, files: string[], limit: number | null, classes: string[], signal?: AbortSignal): Promise<RawSplit> {
  const available = files.reduce((sum, file) => sum + recordsIn(layout, file), 0);
  const count = Math.min(limit ?? available, available);
  const pixels = new Uint8Array(count * 3 * PLANE);
  const split: RawSplit = { labels: new Int32Array(count), pixels, H: SIDE, W: SIDE };
  let n = 0;
  for (const file of files) {
    if (n === count) break;
    await stopPoint(signal);
    for (const { label, planes } of recordsOf(layout, file, classes).slice(0, count - n)) {
      split.labels[n] = label;
      interleave(planes, pixels, n * 3 * PLANE);
      n++;
    }
  }
  if (n < count)
    throw new InputError(`${files.join(", ")}: became shorter while ${count} images were read, and gave ${n}: let nothing write to them, and try again`);
  return split;
}

interface CifarRecord {
  label: number;
  /** [3,32,32], a view of the file's bytes. */
  planes: Uint8Array;
}

/** The records of a file in order. Throws an InputError if a label has no class. */
function recordsOf(layout: CifarLayout, file: string, classes: readonly string[]): CifarRecord[] {
  const bytes = readFileSync(file);
  const size = bytesPerRecord(layout);
  return Array.from({ length: bytes.length / size }, (_, index) => {
    const planes = index * size + layout.labelBytes;
    const label = bytes[planes - 1]!;
    if (label >= classes.length)
      throw new InputError(`${file}: record ${index} has label ${label}, but there are ${classes.length} classes: the file is damaged or not ${layout.name}`);
    return { label, planes: bytes.subarray(planes, planes + 3 * PLANE) };
  });
}

function pixelsOf({ planes }: CifarRecord): Pixels {
  const data = new Uint8Array(3 * PLANE);
  interleave(planes, data, 0);
  return { data, H: SIDE, W: SIDE };
}

/** Converts planes [3,H,W] to pixels [H,W,3], written to `to` from `offset` on. */
function interleave(planes: Uint8Array, to: Uint8Array, offset: number): void {
  for (let p = 0; p < PLANE; p++) {
    to[offset + 3 * p] = planes[p]!;
    to[offset + 3 * p + 1] = planes[PLANE + p]!;
    to[offset + 3 * p + 2] = planes[2 * PLANE + p]!;
  }
}
