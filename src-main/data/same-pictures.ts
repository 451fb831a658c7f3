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

/** Pictures that are test images and training images too, by their pixels. Those that are not read yet are left to `sameFiles`. */
export async function samePictures(train: RawSplit, test: RawSplit, signal?: AbortSignal): Promise<Said[]> {
  const [trained, tested] = [train.pixels, test.pixels];
  if (!isHeld(trained) || !isHeld(tested)) return [];
  const bytes = train.H * train.W * 3;
  const keyOf = (pixels: Uint8Array) => (n: number) => digest(pixels.subarray(n * bytes, (n + 1) * bytes));
  const nameIn =
    ({ files }: RawSplit, part: string) =>
    (n: number) =>
      files?.[n] ?? `${part} image ${n}`;
  const shared = await sharedBy({ count: train.labels.length, keyOf: keyOf(trained) }, { count: test.labels.length, keyOf: keyOf(tested) }, signal);
  return inWords(shared, test.labels.length, nameIn(train, "training"), nameIn(test, "test"));
}

interface Paths {
  count: number;
  /** Below the folder. */
  path(n: number): string;
}

/** The same of files that are equal byte by byte: only those of equal size are read. */
export async function sameFiles(folder: string, train: Paths, test: Paths, signal?: AbortSignal): Promise<Said[]> {
  const whole = (paths: Paths, n: number) => systemPath(join(folder, paths.path(n)));
  const sizes = new Set<number>();
  for (let n = 0; n < test.count; n++) sizes.add(sizeOf(whole(test, n)));
  const keyOf = (paths: Paths) => (n: number) => {
    const path = whole(paths, n);
    const size = sizeOf(path);
    return size > 0 && sizes.has(size) ? contentKey(path) : null;
  };
  const shared = await sharedBy({ count: train.count, keyOf: keyOf(train) }, { count: test.count, keyOf: keyOf(test) }, signal);
  const shown = (paths: Paths) => (n: number) => shownPath(paths.path(n));
  return inWords(shared, test.count, shown(train), shown(test));
}

interface Keyed {
  count: number;
  /** null: not worth comparing. */
  keyOf(n: number): string | null;
}

interface Shared {
  count: number;
  first: { train: number; test: number } | null;
}

async function sharedBy(train: Keyed, test: Keyed, signal?: AbortSignal): Promise<Shared> {
  const places = new Map<string, number>();
  for (let n = 0; n < train.count; n++) {
    const key = train.keyOf(n);
    if (key !== null && !places.has(key)) places.set(key, n);
    if (n % AT_ONCE === 0) await stopPoint(signal);
  }
  const shared: Shared = { count: 0, first: null };
  for (let n = 0; n < test.count; n++) {
    const place = places.get(test.keyOf(n) ?? "");
    if (n % AT_ONCE === 0) await stopPoint(signal);
    if (place === undefined) continue;
    shared.count++;
    shared.first ??= { train: place, test: n };
  }
  return shared;
}

function inWords({ count, first }: Shared, total: number, trained: (n: number) => string, tested: (n: number) => string): Said[] {
  if (!first) return [];
  const example = `${tested(first.test)} is ${trained(first.train)}${count > 1 ? ", and others" : ""}`;
  const text = `${count} of the ${total} test images ${count === 1 ? "is a training image" : "are training images"} too (${example}): what is measured on them is too good; remove them from either`;
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
