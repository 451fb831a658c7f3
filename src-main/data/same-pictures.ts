import { statSync } from "node:fs";
import { join } from "node:path";
import type { RawSplit } from "./dataset";
import { digest, digestOfFile } from "./fingerprints";
import { shownPath, systemPath } from "./folder/names";
import { isHeld } from "./image-source";
import type { Said } from "./said";
import { stopPoint } from "./stop";

/** Images between two stop points. */
const AT_ONCE = 500;

/** What the images of a part are for. */
export type Role = "training" | "validation" | "test" | "unlabelled";

const names: Readonly<Record<Role, { one: string; many: string }>> = {
  training: { one: "a training image", many: "training images" },
  validation: { one: "a validation image", many: "validation images" },
  test: { one: "a test image", many: "test images" },
  unlabelled: { one: "an image without a label", many: "images without labels" },
};

/** What follows if images of a later part are those of an earlier one. */
const consequences: Partial<Record<`${Role} ${Role}`, string>> = {
  "validation training": "the epoch that is best on them has learned them by heart; remove them from either",
  "test training": "what is measured on them is too good; remove them from either",
  "test validation": "the epoch is chosen on what tests it; remove them from either",
  "unlabelled training": "the student sees them twice as often; remove them from either",
  "unlabelled validation": "the student learns from what chooses its epoch; name a folder without them",
  "unlabelled test": "the student learns from what it is tested on; name a folder without them",
};

/**
 * Pictures that are in two parts, or lie in two classes, by their pixels. The parts are in the order of `Role`, and have images of one size. Those that are not read
 * yet are left to `sameFiles`.
 */
export async function samePictures(parts: readonly { role: Role; split: RawSplit }[], signal?: AbortSignal): Promise<Said[]> {
  const compared = parts.flatMap(({ role, split: { labels, pixels, files, fingerprintOf, H, W } }): Part[] => {
    if (!isHeld(pixels)) return [];
    const bytes = H * W * 3;
    // Files may differ where pixels do not.
    const keyOf = files ? (n: number) => digest(pixels.subarray(n * bytes, (n + 1) * bytes)) : fingerprintOf;
    return [{ role, labels, keyOf, nameOf: (n) => files?.[n] ?? `${role} image ${n}` }];
  });
  return compare(compared, signal);
}

export interface Paths {
  labels: Int32Array;
  /** Below the folder. */
  path(n: number): string;
}

/** Of more training images, whether some lie in two classes is not told before their pixels are there: most of the files would have to be read. */
const MOST_COMPARED = 20_000;

/** The same of files that are equal byte by byte: only those of equal size are read. */
export async function sameFiles(folder: string, parts: readonly { role: Role; paths: Paths }[], signal?: AbortSignal): Promise<Said[]> {
  const whole = (paths: Paths, n: number) => systemPath(join(folder, paths.path(n)));
  const [seen, repeated] = [new Set<number>(), new Set<number>()];
  // The largest part, training, is the last.
  for (const { paths } of [...parts].reverse()) {
    const isFew = paths.labels.length <= MOST_COMPARED;
    for (let n = 0; n < paths.labels.length; n++) {
      const size = sizeOf(whole(paths, n));
      if (seen.has(size)) repeated.add(size);
      else if (isFew) seen.add(size);
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

interface Part {
  role: Role;
  /** Below 0: nobody knows. */
  labels: Int32Array;
  /** null: not worth comparing. */
  keyOf(n: number): string | number | null;
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

async function compare(parts: readonly Part[], signal?: AbortSignal): Promise<Said[]> {
  const places = new Map<string | number, { part: Part; n: number }>();
  const [shared, contrary] = [new Map<Part, Map<Part, Pairs>>(), new Pairs()];
  for (const part of parts)
    for (let n = 0; n < part.labels.length; n++) {
      if (n % AT_ONCE === 0) await stopPoint(signal);
      const key = part.keyOf(n);
      const first = key === null ? undefined : places.get(key);
      if (key !== null && !first) places.set(key, { part, n });
      if (!first) continue;
      const both = [part.nameOf(n), first.part.nameOf(first.n)] as const;
      if (part !== first.part) pairsOf(shared, part, first.part).add(...both);
      const [label, other] = [part.labels[n]!, first.part.labels[first.n]!];
      if (label !== other && label >= 0 && other >= 0) contrary.add(...both);
    }
  return [...[...shared].flatMap(([part, others]) => [...others].map(([other, pairs]) => sharedInWords(part, other, pairs))), ...contraryInWords(contrary)];
}

function pairsOf(shared: Map<Part, Map<Part, Pairs>>, part: Part, other: Part): Pairs {
  const others = shared.get(part) ?? new Map<Part, Pairs>();
  const pairs = others.get(other) ?? new Pairs();
  shared.set(part, others.set(other, pairs));
  return pairs;
}

function sharedInWords({ role, labels }: Part, { role: other }: Part, { count, example }: Pairs): Said {
  const are = count === 1 ? `is ${names[other].one}` : `are ${names[other].many}`;
  const text = `${count} of the ${labels.length} ${names[role].many} ${are} too (${example}): ${consequences[`${role} ${other}`]}`;
  return { type: "warning", text };
}

function contraryInWords({ count, example }: Pairs): Said[] {
  if (count === 0) return [];
  const text = `${count} ${count === 1 ? "picture lies" : "pictures lie"} in two classes (${example}), whose labels contradict each other: keep each in one class`;
  return [{ type: "warning", text }];
}

/** 0 if the system refuses; whoever decodes the file says so. */
function sizeOf(path: string | Buffer): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
