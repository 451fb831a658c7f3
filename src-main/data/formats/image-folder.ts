import { join, relative } from "node:path";
import { InputError, Interrupted } from "../../contract/failure";
import type { RawSplit } from "../dataset";
import { DECODED_AT_ONCE, imageSize, thumbnail } from "../decode";
import { type LookedAt, tinyConcerns, unreadableConcerns } from "../file-concerns";
import { fingerprintOfFile } from "../fingerprints";
import { EXPECTED, isImageFolder, nearMiss } from "../folder/layout";
import { type LeftOut, leftOutFile, leftOutInWords } from "../folder/left-out";
import { type FolderListing, type ListedSplit, listFolder } from "../folder/listing";
import { shownPath, systemPath } from "../folder/names";
import { isHeld } from "../image-source";
import { largeImages, withRows } from "../large-images";
import type { Said } from "../said";
import type { SkipSettings } from "../same-concerns";
import { MOST_COMPARED, type Place, type Role, type SamePictures, sameFiles } from "../same-pictures";
import { readFiles } from "../store/read-files";
import { UnreadableImage } from "../unreadable";
import type { DescribeOptions, Description, Format, Limits, RawData, ReadOptions, Selection } from "./format";

export const imageFolder: Format = {
  expected: EXPECTED,
  detect: (folder) => (isImageFolder(folder) ? folder : null),
  nearMiss,
  read,
  describe,
};

/** What the user should know of a folder, before its images are opened. `unreadable`: those that are skipped; that others are in the way is a concern. */
function saidOf({ test, train, validation, leftOut, notes, warnings }: FolderListing, unreadable: readonly LeftOut[] = []): Said[] {
  const taken = test.count + (train?.count ?? 0) + (validation?.count ?? 0);
  return [
    ...leftOutInWords(taken - unreadable.length, [...leftOut, ...unreadable]),
    ...warnings.map((text): Said => ({ type: "warning", text })),
    ...notes.map((text): Said => ({ type: "note", text })),
  ];
}

async function list(folder: string, selection: Selection, signal?: AbortSignal): Promise<FolderListing> {
  const listing = await listFolder(folder, { ...selection, signal });
  return selection.smallestSide === null ? listing : largeImages(listing, selection.smallestSide, signal);
}

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/**
 * Reads the splits, train and test each up to its limit. Images that all have the same square size, at most `storeSize`, stay as they are; otherwise all are
 * resized to `storeSize`.
 */
async function read(folder: string, limits: Limits, { storeSize, selection, skips, skipUnreadable, ...options }: ReadOptions): Promise<RawData> {
  const listing = await list(folder, selection, options.signal);
  const splits = [
    { split: listing.train, limit: limits.train },
    { split: listing.validation, limit: null },
    { split: listing.test, limit: limits.test },
  ];
  const listed = splits.flatMap(({ split, limit }) => (split ? [{ split, wanted: Math.min(split.count, limit ?? split.count) }] : []));
  const wanted = listed.map(({ split: { count, path }, wanted }) => ({ count, path, wanted }));
  const { parts: taken, side, leftOut, said } = await readFiles({ folder, parts: wanted, side: { most: storeSize }, skipUnreadable }, options);
  const takenOf = (split: ListedSplit): ListedSplit => withRows(split, [...taken[listed.findIndex((each) => each.split === split)]!.files]);
  const splitOf = (split: ListedSplit): RawSplit => {
    const { pixels } = taken[listed.findIndex((each) => each.split === split)]!;
    const { labels, ...read } = takenOf(split);
    const fingerprintOf = (n: number) => fingerprintOfFile(systemPath(join(folder, read.path(n))));
    return { labels, pixels, H: side, W: side, files: pathsOf(read).map(shownPath), fingerprintOf };
  };
  const train = listing.train && splitOf(listing.train);
  if (train) expectEach(listing.classes, listing.train!.labels.subarray(0, listed[0]!.wanted), train.labels);
  const isHeldWhole = taken.every(({ pixels }) => isHeld(pixels));
  return {
    classes: listing.classes,
    train,
    validation: listing.validation && splitOf(listing.validation),
    test: splitOf(listing.test),
    leftOut: [...listing.leftOut, ...leftOut],
    said: [...saidOf(listing), ...said],
    inTurn: true,
    undivided: listing.undivided,
    // Of images that are held, their pixels tell more.
    ...(!isHeldWhole && { same: await sameFilesOf(folder, partsOf(listing, takenOf), skips, options.signal) }),
  };
}

/** Whatever images are skipped, no class is. */
function expectEach(classes: readonly string[], wanted: Int32Array, read: Int32Array): void {
  const [before, after] = [new Set(wanted), new Set(read)];
  const lost = classes.filter((_, label) => before.has(label) && !after.has(label));
  if (lost.length > 0)
    throw new InputError(`none of the training images of ${lost.map((name) => `"${name}"`).join(", ")} can be read: replace them, or remove the class`);
}

type ListedParts = { role: Role; paths: ListedSplit }[];

/** In the order of `Role`. `taken`: what was read of each. */
function partsOf({ train, validation, test }: FolderListing, taken: (split: ListedSplit) => ListedSplit = (split) => split): ListedParts {
  const splits = Object.entries({ training: train, validation, test });
  return splits.flatMap(([role, split]) => (split ? [{ role: role as Role, paths: taken(split) }] : []));
}

/** Files that are equal. */
function sameFilesOf(folder: string, parts: ListedParts, { skipCopies, skipContradictions }: SkipSettings, signal?: AbortSignal): Promise<SamePictures> {
  return sameFiles(folder, parts, (skipCopies || skipContradictions) ?? false, signal);
}

const pathsOf = ({ count, path }: Pick<ListedSplit, "count" | "path">): string[] => Array.from({ length: count }, (_, n) => path(n));

// ---- Describing -------------------------------------------------------------------------------------------------------------------

/** Number of images in a folder whose headers are read, spread evenly over all of them. */
const HEADERS_READ = 1000;
/** Of more files, only a run looks whether some are equal. */
const MOST_LOOKED_AT = 100_000;
/** Side of a thumbnail in pixels; smaller images keep their size. */
const THUMBNAIL = 96;

/** Sizes come from the headers of up to 1,000 images; unreadable images among them are named in `concerns`. */
async function describe(folder: string, { selection, skips, signal }: DescribeOptions): Promise<Description> {
  const listing = await list(folder, selection, signal);
  const parts = partsOf(listing);
  const labelsOf = (wanted: Role) => parts.find(({ role }) => role === wanted)?.paths.labels ?? null;
  const fileAt = ({ role, n }: Pick<Place, "role" | "n">) => join(folder, parts.find((part) => part.role === role)!.paths.path(n));
  const all = parts.flatMap(({ role, paths }) => Array.from(paths.labels, (label, n): Place => ({ role, n, label })));
  const looked = await lookedAt(evenly(all, HEADERS_READ), fileAt, signal);
  const sizes = looked.flatMap(({ size }) => (size ? [size] : []));
  const [first] = sizes;
  const same = sizes.every(({ width, height }) => width === first?.width && height === first.height);
  const broken = looked.flatMap(({ place, reason }): LeftOut[] =>
    reason === null ? [] : [{ path: relative(folder, fileAt(place)), reason: "unreadable", detail: reason }],
  );
  const isCompared = all.length <= MOST_LOOKED_AT;
  return {
    layout: listing.layout,
    undivided: listing.undivided,
    inTurn: true,
    classes: listing.classes,
    labels: { training: labelsOf("training") ?? new Int32Array(0), validation: labelsOf("validation"), test: labelsOf("test")! },
    imageSize: same && first ? first : null,
    same: isCompared ? await sameFilesOf(folder, parts, skips, signal) : null,
    concerns: [
      ...unreadableConcerns(broken.map(leftOutFile), { looked: looked.length, all: all.length }, skips.skipUnreadable ?? false),
      ...tinyConcerns(looked, all.length, (place) => shownPath(relative(folder, fileAt(place))), selection.smallestSide, listing.leftOut),
    ],
    leftOut: [...listing.leftOut, ...broken],
    said: [
      ...saidOf(listing, skips.skipUnreadable ? broken : []),
      ...uncomparedInWords(all.length, labelsOf("training")?.length ?? 0, skips),
      ...(same ? [] : [DIFFERENT_SIZES]),
    ],
    thumbnailOf: async (place) => unlessUnreadable(() => thumbnail({ path: fileAt(place) }, THUMBNAIL, { signal })),
    fileOf: fileAt,
  };
}

const DIFFERENT_SIZES: Said = {
  type: "note",
  text: "the images differ in size: each is resized by its shorter side and cropped to a square around its centre",
};

/** What of equal files is not looked for before a run. */
function uncomparedInWords(all: number, training: number, { skipCopies, skipContradictions }: SkipSettings): Said[] {
  if (all > MOST_LOOKED_AT) return [{ type: "note", text: `of more than ${MOST_LOOKED_AT} images, only a run looks whether some are the same` }];
  if (training <= MOST_COMPARED || skipCopies || skipContradictions) return [];
  return [
    {
      type: "note",
      text: `of more than ${MOST_COMPARED} training images, it is not looked whether some are copies of others; data.skipCopies looks, and leaves them out`,
    },
  ];
}

/** Reads headers a few at a time. */
async function lookedAt(places: readonly Place[], fileAt: (place: Place) => string, signal?: AbortSignal): Promise<LookedAt[]> {
  const looked: LookedAt[] = [];
  for (let n = 0; n < places.length; n += DECODED_AT_ONCE) {
    const look = async (place: Place): Promise<LookedAt> => {
      try {
        return { place, size: await imageSize({ path: fileAt(place) }, { signal }), reason: null };
      } catch (error) {
        if (error instanceof Interrupted) throw error;
        return { place, size: null, reason: error instanceof UnreadableImage ? error.reason : null };
      }
    };
    looked.push(...(await Promise.all(places.slice(n, n + DECODED_AT_ONCE).map(look))));
  }
  return looked;
}

async function unlessUnreadable<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return null;
  }
}

/** Up to `count` items at equal distances. */
function evenly<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)]!);
}
