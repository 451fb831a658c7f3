import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RawSplit } from "./dataset";
import { shownPath, systemPath } from "./folder/names";
import { isHeld } from "./image-source";
import type { Said } from "./said";
import { stopPoint } from "./stop";

/** Images between two stop points. */
const AT_ONCE = 500;

/** Pictures that are test images and training images too, or lie in two classes, by their pixels. Those that are not read yet are left to `sameFiles`. */
export async function samePictures(train: RawSplit, test: RawSplit, signal?: AbortSignal): Promise<Said[]> {
  const [trained, tested] = [train.pixels, test.pixels];
  if (!isHeld(trained) || !isHeld(tested)) return [];
  const bytes = train.H * train.W * 3;
  const compared = ({ labels, files }: RawSplit, pixels: Uint8Array, part: string): Compared => ({
    labels,
    keyOf: (n) => digest(pixels.subarray(n * bytes, (n + 1) * bytes)),
    nameOf: (n) => files?.[n] ?? `${part} image ${n}`,
  });
  return compare(compared(train, trained, "training"), compared(test, tested, "test"), signal);
}

interface Paths {
  labels: Int32Array;
  /** Below the folder. */
  path(n: number): string;
}

/** Of more training images, whether some lie in two classes is not told before their pixels are there: most of the files would have to be read. */
const MOST_COMPARED = 20_000;

/** The same of files that are equal byte by byte: only those of equal size are read. */
export async function sameFiles(folder: string, train: Paths, test: Paths, signal?: AbortSignal): Promise<Said[]> {
  const whole = (paths: Paths, n: number) => systemPath(join(folder, paths.path(n)));
  const [tested, seen, repeated] = [new Set<number>(), new Set<number>(), new Set<number>()];
  for (let n = 0; n < test.labels.length; n++) tested.add(sizeOf(whole(test, n)));
  for (let n = 0; n < train.labels.length && train.labels.length <= MOST_COMPARED; n++) {
    const size = sizeOf(whole(train, n));
    (seen.has(size) ? repeated : seen).add(size);
  }
  const compared = (paths: Paths): Compared => ({
    labels: paths.labels,
    keyOf(n) {
      const path = whole(paths, n);
      const size = sizeOf(path);
      return size > 0 && (tested.has(size) || repeated.has(size)) ? contentKey(path) : null;
    },
    nameOf: (n) => shownPath(paths.path(n)),
  });
  return compare(compared(train), compared(test), signal);
}

interface Compared {
  labels: Int32Array;
  /** null: not worth comparing. */
  keyOf(n: number): string | null;
  nameOf(n: number): string;
}

/** Equal pictures, counted, with the first two. */
class Pairs {
  count = 0;
  example = "";

  add(one: string, other: string): void {
    this.example ||= `${one} is ${other}`;
    if (++this.count === 2) this.example += ", and others";
  }
}

async function compare(train: Compared, test: Compared, signal?: AbortSignal): Promise<Said[]> {
  const places = new Map<string, { part: Compared; n: number }>();
  const [shared, contrary] = [new Pairs(), new Pairs()];
  for (const part of [train, test])
    for (let n = 0; n < part.labels.length; n++) {
      if (n % AT_ONCE === 0) await stopPoint(signal);
      const key = part.keyOf(n);
      const first = key === null ? undefined : places.get(key);
      if (key !== null && !first) places.set(key, { part, n });
      if (!first) continue;
      const names = [part.nameOf(n), first.part.nameOf(first.n)] as const;
      if (part === test && first.part === train) shared.add(...names);
      if (part.labels[n] !== first.part.labels[first.n]) contrary.add(...names);
    }
  return [...sharedInWords(shared, test.labels.length), ...contraryInWords(contrary)];
}

function sharedInWords({ count, example }: Pairs, total: number): Said[] {
  if (count === 0) return [];
  const text = `${count} of the ${total} test images ${count === 1 ? "is a training image" : "are training images"} too (${example}): what is measured on them is too good; remove them from either`;
  return [{ type: "warning", text }];
}

function contraryInWords({ count, example }: Pairs): Said[] {
  if (count === 0) return [];
  const text = `${count} ${count === 1 ? "picture lies" : "pictures lie"} in two classes (${example}), whose labels contradict each other: keep each in one class`;
  return [{ type: "warning", text }];
}

const digest = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("base64");

/** 0 if the system refuses; whoever decodes the file says so. */
function sizeOf(path: string | Buffer): number {
  return attempt(() => statSync(path).size, 0);
}

function contentKey(path: string | Buffer): string | null {
  return attempt(() => digest(readFileSync(path)), null);
}

function attempt<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch {
    return otherwise;
  }
}
