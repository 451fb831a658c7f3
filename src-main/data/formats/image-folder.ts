import { join, relative } from "node:path";
import { InputError, Interrupted } from "../../contract/failure";
import type { RawSplit } from "../dataset";
import { DECODED_AT_ONCE, type ImageFile, imageSize, thumbnail } from "../decode";
import { fingerprintOfFile } from "../fingerprints";
import { EXPECTED, isImageFolder, nearMiss } from "../folder/layout";
import { type LeftOut, leftOutInWords } from "../folder/left-out";
import { type FolderListing, type ListedSplit, listFolder } from "../folder/listing";
import { shownPath, systemPath } from "../folder/names";
import { isHeld } from "../image-source";
import type { Said } from "../said";
import { type Role, sameFiles } from "../same-pictures";
import { readFiles } from "../store/read-files";
import { UnreadableImage } from "../unreadable";
import { countsOf, type Description, type Format, firstOfEach, type Limits, type RawData, type ReadOptions, type Selection } from "./format";

export const imageFolder: Format = {
  expected: EXPECTED,
  detect: (folder) => (isImageFolder(folder) ? folder : null),
  nearMiss,
  read,
  describe,
};

/** What the user should know of a folder, before its images are opened. */
function saidOf({ test, train, validation, leftOut, notes, warnings }: FolderListing, unreadable: readonly LeftOut[] = []): Said[] {
  const taken = test.count + (train?.count ?? 0) + (validation?.count ?? 0);
  return [
    ...leftOutInWords(taken - unreadable.length, [...leftOut, ...unreadable]),
    ...warnings.map((text): Said => ({ type: "warning", text })),
    ...notes.map((text): Said => ({ type: "note", text })),
  ];
}

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/**
 * Reads the splits, train and test each up to its limit. Images that all have the same square size, at most `storeSize`, stay as they are; otherwise all are
 * resized to `storeSize`.
 */
async function read(folder: string, limits: Limits, { storeSize, selection, skipUnreadable, ...options }: ReadOptions): Promise<RawData> {
  const listing = await listFolder(folder, { ...selection, signal: options.signal });
  const splits = [
    { split: listing.train, limit: limits.train },
    { split: listing.validation, limit: null },
    { split: listing.test, limit: limits.test },
  ];
  const listed = splits.flatMap(({ split, limit }) => (split ? [{ split, wanted: Math.min(split.count, limit ?? split.count) }] : []));
  const parts = listed.map(({ split: { count, path }, wanted }) => ({ count, path, wanted }));
  const { parts: taken, side, leftOut, said } = await readFiles({ folder, parts, side: { most: storeSize }, skipUnreadable }, options);
  const splitOf = (split: ListedSplit): RawSplit => {
    const { pixels, files } = taken[listed.findIndex((each) => each.split === split)]!;
    return {
      labels: files.map((n) => split.labels[n]!),
      pixels,
      H: side,
      W: side,
      files: Array.from(files, (n) => shownPath(split.path(n))),
      fingerprintOf: (n) => fingerprintOfFile(systemPath(join(folder, split.path(files[n]!)))),
    };
  };
  const train = listing.train && splitOf(listing.train);
  if (train) expectEach(listing.classes, listing.train!.labels.subarray(0, listed[0]!.wanted), train.labels);
  return {
    classes: listing.classes,
    train,
    validation: listing.validation && splitOf(listing.validation),
    test: splitOf(listing.test),
    drawn: listing.drawn,
    leftOut: [...listing.leftOut, ...leftOut],
    said: [
      ...saidOf(listing),
      ...said,
      ...(await sameFilesOf(
        folder,
        listing,
        taken.every(({ pixels }) => isHeld(pixels)),
        options.signal,
      )),
    ],
  };
}

/** Whatever images are skipped, no class is. */
function expectEach(classes: readonly string[], wanted: Int32Array, read: Int32Array): void {
  const [before, after] = [new Set(wanted), new Set(read)];
  const lost = classes.filter((_, label) => before.has(label) && !after.has(label));
  if (lost.length > 0)
    throw new InputError(`none of the training images of ${lost.map((name) => `"${name}"`).join(", ")} can be read: replace them, or remove the class`);
}

/** Pictures that are in two parts or classes, as far as equal files tell; of images that are held, their pixels tell more. */
async function sameFilesOf(folder: string, { train, validation, test }: FolderListing, isSkipped: boolean, signal?: AbortSignal): Promise<Said[]> {
  if (isSkipped) return [];
  const parts = Object.entries({ training: train, validation, test });
  return sameFiles(
    folder,
    parts.flatMap(([role, paths]) => (paths ? [{ role: role as Role, paths }] : [])),
    signal,
  );
}

const pathsOf = ({ count, path }: ListedSplit): string[] => Array.from({ length: count }, (_, n) => path(n));

// ---- Describing -------------------------------------------------------------------------------------------------------------------

/** Number of images in a folder whose headers are read, spread evenly over all of them. */
const HEADERS_READ = 1000;
/** Of more files, only a run looks whether some are equal. */
const MOST_COMPARED = 100_000;
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
  const looked = evenly([...train, ...validation, ...test], HEADERS_READ);
  const headers = await settled(looked, (file) => imageSize(file, { signal }));
  const sizes = fulfilled(headers);
  const broken = headers.flatMap((header, n): LeftOut[] =>
    header.status === "rejected" && header.reason instanceof UnreadableImage
      ? [{ path: relative(folder, looked[n]!.path), reason: "unreadable", detail: header.reason.reason }]
      : [],
  );
  const [first] = sizes;
  const same = sizes.every(({ width, height }) => width === first?.width && height === first.height);
  const thumbnails = await settled(firstOfEach(classes, train.length > 0 ? train : test, thumbnailsPerClass), async (file) => ({
    label: file.label,
    path: file.path,
    png: await thumbnail(file, THUMBNAIL, { signal }),
  }));
  return {
    classes,
    train: countsOf(train, classes),
    validation: listing.validation && countsOf(validation, classes),
    test: countsOf(test, classes),
    imageSize: same && first ? first : null,
    thumbnails: fulfilled(thumbnails),
    leftOut: [...leftOut, ...broken],
    said: [
      ...saidOf(listing, broken),
      ...refusalInWords(broken.length, looked.length, train.length + validation.length + test.length),
      ...(await sameFilesOf(folder, listing, train.length + test.length > MOST_COMPARED, signal)),
      ...(same
        ? []
        : [{ type: "note", text: "the images differ in size: each is resized by its shorter side and cropped to a square around its centre" } as const]),
    ],
  };
}

function refusalInWords(broken: number, looked: number, all: number): Said[] {
  if (broken === 0) return [];
  const more = looked < all ? `; ${looked} of ${all} images were looked at` : "";
  return [
    {
      type: "warning",
      text: `training stops at images that cannot be read, unless data.skipUnreadable is set${more}; only headers are read here, so there may be more of them`,
    },
  ];
}

/** Up to `count` items at equal distances. */
function evenly<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)]!);
}

/** Reads files a few at a time: one that fails does not end the others, but a stop does. */
async function settled<T>(files: readonly LabelledFile[], read: (file: LabelledFile) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  for (let n = 0; n < files.length; n += DECODED_AT_ONCE) {
    results.push(...(await Promise.allSettled(files.slice(n, n + DECODED_AT_ONCE).map(read))));
    for (const result of results.slice(n)) if (result.status === "rejected" && result.reason instanceof Interrupted) throw result.reason;
  }
  return results;
}

function fulfilled<T>(results: PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
