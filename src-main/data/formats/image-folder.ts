import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { InputError, Interrupted } from "../../contract/failure";
import { DECODED_AT_ONCE, decode, decodeSquare, IMAGE_FILE, type ImageFile, imageSize, thumbnail } from "../decode";
import { checkMemory } from "../memory";
import { countsOf, type Description, type Format, firstOfEach, type Limits, type RawData, type ReadOptions } from "./format";

export const imageFolder: Format = {
  expected: "the folders train/<class>/ and test/<class>/ with images",
  detect: (folder) => (isFolder(join(folder, "train")) ? folder : null),
  read,
  describe,
};

// ---- Listing ----------------------------------------------------------------------------------------------------------------------

interface LabelledFile extends ImageFile {
  label: number;
}

interface ImageFolder {
  /** Names of the class folders, sorted; the same in both splits. */
  classes: string[];
  /** One from each class in turn (its first file by name, then its second, ...), so that the first n are balanced. */
  train: LabelledFile[];
  test: LabelledFile[];
  /** Files in class folders that are skipped, because their extension is not that of an image. */
  ignored: string[];
}

/**
 * Lists train/<class>/ and test/<class>/ without opening the images; skips names that begin with a dot. Throws an InputError if there are
 * fewer than two classes, if train and test have different classes, or if a class has no images.
 */
function listImageFolder(folder: string): ImageFolder {
  const classes = classesOf(folder);
  const train = listSplit(join(folder, "train"), classes);
  const test = listSplit(join(folder, "test"), classes);
  return { classes, train: train.images, test: test.images, ignored: [...train.ignored, ...test.ignored] };
}

function classesOf(folder: string): string[] {
  const [train, test] = [join(folder, "train"), join(folder, "test")];
  const classes = subfolders(train);
  if (classes.length < 2) throw new InputError(`${train}: expected a folder for each of at least two classes, got ${listed(classes)}`);
  const tested = subfolders(test);
  const untested = classes.filter((name) => !tested.includes(name));
  if (untested.length > 0) throw new InputError(`${test}: expected the same classes as in train, but there is no folder ${listed(untested)}`);
  const untrained = tested.filter((name) => !classes.includes(name));
  if (untrained.length > 0) throw new InputError(`${train}: expected the same classes as in test, but there is no folder ${listed(untrained)}`);
  return classes;
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) throw new InputError(`${folder} is missing: expected the folders train/<class>/ and test/<class>/ with images`);
  return visible(folder).filter((name) => isFolder(join(folder, name)));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function visible(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort();
}

const listed = (names: string[]) => (names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", "));

function listSplit(folder: string, classes: string[]): { images: LabelledFile[]; ignored: string[] } {
  const ignored: string[] = [];
  const perClass = classes.map((name, label) => {
    const paths = visible(join(folder, name)).map((file) => join(folder, name, file));
    const images = paths.filter((path) => IMAGE_FILE.test(path));
    if (images.length === 0) throw new InputError(`${join(folder, name)} has no images: expected files ending in .png, .jpg, .jpeg or .webp`);
    ignored.push(...paths.filter((path) => !IMAGE_FILE.test(path)));
    return images.map((path) => ({ path, label }));
  });
  return { images: inTurn(perClass), ignored };
}

function inTurn<T>(lists: T[][]): T[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

// ---- Reading ----------------------------------------------------------------------------------------------------------------------

/**
 * Decodes both splits, each up to its limit. Images that all have the same square size, at most `storeSize`, stay as they are; otherwise all
 * are resized to `storeSize`.
 */
async function read(folder: string, limits: Limits, { storeSize, onProgress, signal }: ReadOptions): Promise<RawData> {
  const { classes, ...files } = listImageFolder(folder);
  const train = files.train.slice(0, limits.train ?? files.train.length);
  const test = files.test.slice(0, limits.test ?? files.test.length);
  const all = [...train, ...test];

  // The first image shows whether keeping the size is worth trying; an image of another size later costs a second pass.
  const first = await decode(all[0]!, { signal });
  const own = first.H === first.W && first.H < storeSize ? await decodeAll(all, { side: first.H, exact: true, onProgress, signal }) : null;
  const pixels = own ?? (await decodeAll(all, { side: storeSize, exact: false, onProgress, signal }))!;
  const side = own ? first.H : storeSize;

  const boundary = train.length * side * side * 3;
  const split = (files: LabelledFile[], pixels: Uint8Array) => ({
    labels: Int32Array.from(files, ({ label }) => label),
    pixels,
    H: side,
    W: side,
    files: files.map(({ path }) => relative(folder, path)),
  });
  return { classes, train: split(train, pixels.subarray(0, boundary)), test: split(test, pixels.subarray(boundary)) };
}

interface DecodeOptions extends Pick<ReadOptions, "onProgress" | "signal"> {
  side: number;
  /** Give up at an image of another size instead of resizing it. */
  exact: boolean;
}

/** Unreadable files are reported together, up to this many. */
const REPORTED = 10;

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
        const square = exact ? await decodeExactly(files[n]!, side, signal) : await decodeSquare(files[n]!, side, { signal });
        if (square) pixels.set(square, n * side * side * 3);
        else odd = true;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        broken.push(error);
      }
      onProgress?.(++done, files.length);
    }
  }
  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, work));

  if (broken.length > 0) throw unreadable(broken);
  return odd ? null : pixels;
}

function unreadable(errors: readonly InputError[]): InputError {
  if (errors.length === 1) return errors[0]!;
  const count = errors.length < REPORTED ? errors.length : `At least ${errors.length}`;
  const messages = errors.map(({ message }) => message).sort();
  return new InputError([`${count} images cannot be read:`, ...messages]);
}

/** [side,side,3]; null if the image has another size. */
async function decodeExactly(file: ImageFile, side: number, signal?: AbortSignal): Promise<Uint8Array | null> {
  const { data, H, W } = await decode(file, { signal });
  return H === side && W === side ? data : null;
}

// ---- Describing -------------------------------------------------------------------------------------------------------------------

/** Number of images in a folder whose headers are read, spread evenly over all of them. */
const HEADERS_READ = 1000;
/** Side of a thumbnail in pixels; smaller images keep their size. */
const THUMBNAIL = 96;
/** Number of examples that a warning names. */
const EXAMPLES = 5;

/** Sizes come from the headers of up to 1,000 images; unreadable images are named in `warnings`. */
async function describe(folder: string, thumbnailsPerClass: number, signal?: AbortSignal): Promise<Description> {
  const { classes, train, test, ignored } = listImageFolder(folder);
  const headers = await settled(evenly([...train, ...test], HEADERS_READ), (file) => imageSize(file, { signal }));
  const sizes = fulfilled(headers);
  const broken = headers.flatMap((header) => (header.status === "rejected" ? [String(header.reason.message)] : []));
  const [first] = sizes;
  const same = sizes.every(({ width, height }) => width === first?.width && height === first.height);
  const warnings = [
    ...(broken.length > 0 ? [`Training will refuse this folder. ${examples(broken)}`] : []),
    ...(ignored.length > 0 ? [`Skipped, because their names are not those of images: ${examples(ignored)}`] : []),
    ...(same ? [] : ["The images differ in size: each is resized by its shorter side and cropped to a square around its centre."]),
  ];
  return {
    classes,
    train: countsOf(train, classes),
    test: countsOf(test, classes),
    imageSize: same && first ? first : null,
    thumbnails: fulfilled(
      await settled(firstOfEach(classes, train, thumbnailsPerClass), async (file) => ({
        label: file.label,
        png: await thumbnail(file, THUMBNAIL, { signal }),
      })),
    ),
    warnings,
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
  for (let n = 0; n < files.length; n += DECODED_AT_ONCE) {
    results.push(...(await Promise.allSettled(files.slice(n, n + DECODED_AT_ONCE).map(read))));
    for (const result of results.slice(n)) if (result.status === "rejected" && result.reason instanceof Interrupted) throw result.reason;
  }
  return results;
}

function fulfilled<T>(results: PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

function examples(texts: string[]): string {
  const more = texts.length - EXAMPLES;
  return `${texts.slice(0, EXAMPLES).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
