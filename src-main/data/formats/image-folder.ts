import { join } from "node:path";
import { InputError, Interrupted } from "../../contract/failure";
import { scope } from "../../tensor/tensor";
import type { Pixels, RawSplit } from "../dataset";
import { decode, fitSquare, type ImageFile, imageSize, thumbnail, toTensor } from "../decode";
import { EXPECTED, isImageFolder } from "../folder/layout";
import { leftOutInWords } from "../folder/left-out";
import { type FolderListing, type ListedSplit, listFolder } from "../folder/listing";
import { shownPath } from "../folder/names";
import { openable } from "../folder/openable";
import { checkMemory } from "../memory";
import type { Said } from "../said";
import { countsOf, type Description, type Format, firstOfEach, type Limits, type RawData, type ReadOptions, type Selection } from "./format";

export const imageFolder: Format = {
  expected: EXPECTED,
  detect: (folder) => (isImageFolder(folder) ? folder : null),
  read,
  describe,
};

/** What the user should know of a folder, before its images are opened. */
function saidOf({ test, train, validation, leftOut, notes }: FolderListing): Said[] {
  const taken = test.count + (train?.count ?? 0) + (validation?.count ?? 0);
  return [...leftOutInWords(taken, leftOut), ...notes.map((text): Said => ({ type: "note", text }))];
}

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/**
 * Decodes the splits, train and test each up to its limit. Images that all have the same square size, at most `storeSize`, stay as they are; otherwise all
 * are resized to `storeSize`.
 */
async function read(folder: string, limits: Limits, { storeSize, selection, onProgress, signal }: ReadOptions): Promise<RawData> {
  const listing = await listFolder(folder, { ...selection, signal });
  const parts = [limited(listing.train, limits.train), listing.validation, limited(listing.test, limits.test)].filter((part) => part !== null);
  const paths = parts.flatMap(pathsOf);
  const all = paths.map((path): ImageFile => ({ path: join(folder, path) }));

  // The first image shows whether keeping the size is worth trying; an image of another size later costs a second pass.
  const first = await decode(await openable(all[0]!), { signal });
  const own = first.H === first.W && first.H < storeSize ? await decodeAll(all, { side: first.H, exact: true, onProgress, signal }) : null;
  const pixels = own ?? (await decodeAll(all, { side: storeSize, exact: false, onProgress, signal }))!;
  const side = own ? first.H : storeSize;

  let from = 0;
  const splitOf = (part: ListedSplit): RawSplit => {
    const [begin, end] = [from, from + part.count];
    from = end;
    const bytes = side * side * 3;
    return { labels: part.labels, pixels: pixels.subarray(begin * bytes, end * bytes), H: side, W: side, files: paths.slice(begin, end).map(shownPath) };
  };
  const train = listing.train && splitOf(parts[0]!);
  const validation = listing.validation && splitOf(listing.validation);
  return { classes: listing.classes, train, validation, test: splitOf(parts.at(-1)!), leftOut: listing.leftOut, said: saidOf(listing) };
}

/** The first so many. */
function limited(split: ListedSplit | null, limit: number | null): ListedSplit | null {
  if (split === null || limit === null || limit >= split.count) return split;
  return { count: limit, labels: split.labels.slice(0, limit), path: split.path };
}

const pathsOf = ({ count, path }: ListedSplit): string[] => Array.from({ length: count }, (_, n) => path(n));

interface DecodeOptions extends Pick<ReadOptions, "onProgress" | "signal"> {
  side: number;
  /** Give up at an image of another size instead of resizing it. */
  exact: boolean;
}

/** Unreadable files are reported together, up to this many. */
const REPORTED = 10;
const AT_ONCE = 4;

/** [count,side,side,3]; null if `exact` and an image has another size. */
export async function decodeAll(files: readonly ImageFile[], { side, exact, onProgress, signal }: DecodeOptions): Promise<Uint8Array | null> {
  checkMemory(files.length, side);
  const pixels = new Uint8Array(files.length * side * side * 3);
  const broken: InputError[] = [];
  let next = 0;
  let done = 0;
  let odd = false;

  async function work(): Promise<void> {
    while (next < files.length && broken.length < REPORTED && !odd) {
      const n = next++;
      try {
        const image = await decode(await openable(files[n]!), { signal });
        const fits = image.H === side && image.W === side;
        if (fits || !exact) pixels.set(fits ? image.data : squared(image, side), n * side * side * 3);
        else odd = true;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        broken.push(error);
      }
      onProgress?.(++done, files.length);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));

  if (broken.length > 0) throw unreadable(broken);
  return odd ? null : pixels;
}

function unreadable(errors: readonly InputError[]): InputError {
  if (errors.length === 1) return errors[0]!;
  const count = errors.length < REPORTED ? errors.length : `At least ${errors.length}`;
  const messages = errors.map(({ message }) => message).sort();
  return new InputError([`${count} images cannot be read:`, ...messages]);
}

function squared(image: Pixels, side: number): Uint8Array {
  return scope(() => fitSquare(toTensor(image), side)).data;
}

// ---- Describing -------------------------------------------------------------------------------------------------------------------

/** Number of images in a folder whose headers are read, spread evenly over all of them. */
const HEADERS_READ = 1000;
/** Side of a thumbnail in pixels; smaller images keep their size. */
const THUMBNAIL = 96;

interface LabelledFile extends ImageFile {
  label: number;
}

/** Sizes come from the headers of up to 1,000 images; unreadable images among them are named in `said`. */
async function describe(folder: string, thumbnailsPerClass: number, selection: Selection, signal?: AbortSignal): Promise<Description> {
  const listing = await listFolder(folder, { ...selection, signal });
  const { classes, leftOut } = listing;
  const filesOf = (split: ListedSplit | null) =>
    split ? pathsOf(split).map((path, n): LabelledFile => ({ path: join(folder, path), label: split.labels[n]! })) : [];
  const [train, validation, test] = [listing.train, listing.validation, listing.test].map(filesOf) as [LabelledFile[], LabelledFile[], LabelledFile[]];
  const headers = await settled(evenly([...train, ...validation, ...test], HEADERS_READ), async (file) => imageSize(await openable(file), { signal }));
  const sizes = fulfilled(headers);
  const broken = headers.flatMap((header) => (header.status === "rejected" ? [String(header.reason.message)] : []));
  const [first] = sizes;
  const same = sizes.every(({ width, height }) => width === first?.width && height === first.height);
  const thumbnails = await settled(firstOfEach(classes, train.length > 0 ? train : test, thumbnailsPerClass), async (file) => ({
    label: file.label,
    png: await thumbnail(await openable(file), THUMBNAIL, { signal }),
  }));
  return {
    classes,
    train: countsOf(train, classes),
    validation: listing.validation && countsOf(validation, classes),
    test: countsOf(test, classes),
    imageSize: same && first ? first : null,
    thumbnails: fulfilled(thumbnails),
    leftOut,
    said: [
      ...broken.map((text): Said => ({ type: "warning", text })),
      ...saidOf(listing),
      ...(same
        ? []
        : [{ type: "note", text: "the images differ in size: each is resized by its shorter side and cropped to a square around its centre" } as const]),
    ],
  };
}

/** Up to `count` items at equal distances. */
function evenly<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)]!);
}

/** Reads files a few at a time: one that fails does not end the others, but a stop does. */
async function settled<T>(files: readonly LabelledFile[], read: (file: LabelledFile) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  for (let n = 0; n < files.length; n += AT_ONCE) {
    results.push(...(await Promise.allSettled(files.slice(n, n + AT_ONCE).map(read))));
    for (const result of results.slice(n)) if (result.status === "rejected" && result.reason instanceof Interrupted) throw result.reason;
  }
  return results;
}

function fulfilled<T>(results: PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
