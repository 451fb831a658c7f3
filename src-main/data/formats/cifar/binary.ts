import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../contract/failure";
import { type Batch, PLANES, type Storage } from "./batch";
import { CIFAR10_BINARY, CIFAR100_BINARY, CLASSES_10, COARSE_CLASSES, FINE_CLASSES, type Published } from "./published";

/** The binary version: files of records, each with a few label bytes and then the planes of an image. */
export interface Records {
  published: Published;
  /** Bytes before the planes, and which of them is the label. */
  labelBytes: number;
  label: number;
  /** File of class names, one per line. */
  classFile: string;
  classes: readonly string[];
}

function binary({ published, labelBytes, label, classFile, classes }: Records): Storage {
  const record = labelBytes + PLANES;
  const check = (file: string, size = statSync(file).size) => {
    if (size === 0 || size % record !== 0)
      throw new InputError(
        `${file} has ${size} bytes, which is not a whole number of records of ${record} bytes: it is truncated or not ${published.name}; download it again`,
      );
  };
  return {
    published,
    looksRight: () => true,
    check: (file) => check(file),
    read: (file) => {
      const bytes = readFileSync(file);
      check(file, bytes.length);
      return batchOf(bytes, record, label, labelBytes);
    },
    classesIn: (folder) => namesIn(join(folder, classFile)),
    classes,
  };
}

function batchOf(bytes: Uint8Array, record: number, label: number, labelBytes: number): Batch {
  const count = bytes.length / record;
  const [labels, planes] = [new Uint8Array(count), new Uint8Array(count * PLANES)];
  for (let n = 0; n < count; n++) {
    labels[n] = bytes[n * record + label]!;
    planes.set(bytes.subarray(n * record + labelBytes, (n + 1) * record), n * PLANES);
  }
  return { labels, planes };
}

function namesIn(file: string): string[] | null {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return null;
  // trim() takes a byte order mark and Windows' line ends away too.
  const lines = readFileSync(file, "utf8").split("\n");
  const names = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (names.length < 2) throw new InputError(`${file}: expected two or more class names, one per line, got ${names.length}`);
  return names;
}

/** A record begins with the coarse label (one of 20 groups) and the fine label. */
const hundred = { published: CIFAR100_BINARY, labelBytes: 2 };
/** How the binary versions store images, by format. */
export const binaryRecords = {
  "cifar10-binary": { published: CIFAR10_BINARY, labelBytes: 1, label: 0, classFile: "batches.meta.txt", classes: CLASSES_10 },
  "cifar100-binary": { ...hundred, label: 1, classFile: "fine_label_names.txt", classes: FINE_CLASSES },
  "cifar100-coarse": { ...hundred, label: 0, classFile: "coarse_label_names.txt", classes: COARSE_CLASSES },
} as const satisfies { readonly [format: string]: Records };

export const cifar10Binary = binary(binaryRecords["cifar10-binary"]);
export const cifar100Binary = binary(binaryRecords["cifar100-binary"]);
export const cifar100BinaryCoarse = binary(binaryRecords["cifar100-coarse"]);
