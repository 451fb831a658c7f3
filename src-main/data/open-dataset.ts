import { createHash } from "node:crypto";
import { InputError } from "../contract/failure";
import type { DataSource } from "../contract/recipe";
import { PIECE } from "../disk/open-file";
import { allOrNone } from "../tensor/tensor";
import { concernsOfCounts, saidOf, saidWithRemedies, unlearnedClasses, unmetLimits } from "./concerns";
import type { Dataset, Drawn, RawSplit, TestData } from "./dataset";
import { divide, without } from "./division";
import { fingerprintsOf } from "./fingerprints";
import { formats } from "./formats";
import type { RawData, Selection } from "./formats/format";
import { allOf, chosenOf, isHeld, releasePixels } from "./image-source";
import { readingFolder } from "./locate";
import type { Said } from "./said";
import { copiesHeldBack, expectLeft, settlePictures } from "./same-concerns";
import { type Role, samePictures } from "./same-pictures";
import { selectionOf } from "./selection";
import { releaseSplit, streamedInWords, toSplits } from "./split";
import { stopPoint } from "./stop";
import { readUnlabelled } from "./unlabelled-folder";

/** A recipe's data; settings that divide the training images may be left out. */
export type Source = Pick<DataSource, "path" | "format" | "trainLimit" | "testLimit"> & Partial<DataSource>;

export interface OpenOptions {
  /**
   * Side in pixels to which images are resized if they are not all of one square size, or are larger: the largest input size of the recipe's
   * networks. Image folders only; default 224.
   */
  storeSize?: number;
  /** Chooses which labels are kept, where not all are; default 0. */
  seed?: number;
  /** Called while images are being decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Told what the user should know, in words; also later, while images are read that are needed only then. */
  onNote?: (text: string) => void;
  /** Decoded images of at most so many bytes are read now, others when they are needed; image folders only. Default: 256 MB. */
  heldBytes?: number;
  /** Bytes of images that the device may hold; of more, each batch's are sent to it. Default: as many as it has room for. */
  mostOnDevice?: number;
  /** Makes reading reject at once with Interrupted, even while an image is being decoded, also later; nothing stays allocated. */
  signal?: AbortSignal;
}

/**
 * Reads a whole data set into the backend's memory. "bundled" is the CIFAR-10 sample that comes with the program; other paths are folders
 * in one of the formats of data/formats.ts. The limits take the first images: binary records in file order, image folders one from each
 * class in turn; what is left is divided as the source says. Throws an InputError that names the file or folder at fault.
 */
export async function openDataset(source: Source, options: OpenOptions = {}): Promise<Dataset> {
  const { storeSize = 224, seed = 0, onNote = () => {}, mostOnDevice, signal } = options;
  const limits = { train: source.trainLimit, test: source.testLimit };
  const selection: Selection = { ...selectionOf(source), part: "all" };
  const skipUnreadable = source.skipUnreadable ?? false;
  const { path, format, raw } = await readingFolder(source.path, source.format, async (found) => ({
    ...found,
    raw: await formats[found.format].read(found.path, limits, { ...options, selection, skips: source, storeSize, skipUnreadable }),
  }));
  const own = raw.train!;
  const opened = [own, raw.test, ...(raw.validation ? [raw.validation] : [])];
  return orReleased(opened, async () => {
    expectOneValidation(source, raw);
    const more = source.unlabelled && source.unlabelled !== "rest" ? await readUnlabelled(source.unlabelled, own.H, { ...options, skipUnreadable }) : null;
    if (more) opened.push(more.split);
    const pictures = settlePictures(raw.same ?? (await samePictures(partsOf(raw, more?.split), signal)), source);
    const { train, labelled, validation: held } = divide(withoutRows(own, pictures.skipped, raw.classes), raw.classes.length, source, seed, more?.split);
    const validation = held ?? raw.validation;
    const parts = [train, raw.test, ...(validation ? [validation] : [])];
    const hash = await hashOf(raw.classes, parts, signal);
    const concerns = [
      ...saidOf(concernsOfCounts(raw.classes, countsIn(raw, source))),
      ...unlearnedClasses(raw.classes, countsOf(raw.classes, train.labels), source),
      ...unmetLimits(source, { train: own.labels.length, test: raw.test.labels.length }),
      ...saidWithRemedies(pictures.concerns),
      ...(held && pictures.repeated ? copiesHeldBack(await printsOf(held, signal), await printsOf(train, signal)) : []),
    ];
    const splits = allOrNone(() => toSplits(parts, mostOnDevice));
    const streamed = streamedInWords(splits);
    if (streamed) onNote(streamed);
    return {
      path,
      format,
      classes: raw.classes,
      train: splits[0]!,
      labelled,
      validation: splits[2] ?? null,
      test: splits[1]!,
      hash,
      drawn: drawnOf(raw, selection),
      leftOut: [...(raw.leftOut ?? []), ...pictures.leftOut, ...(more?.leftOut ?? [])],
      said: [...(raw.said ?? []), ...(more?.said ?? []), ...concerns],
      release() {
        for (const split of splits) releaseSplit(split);
        for (const { pixels } of opened) releasePixels(pixels);
      },
    };
  });
}

const printsOf = ({ labels, fingerprintOf }: RawSplit, signal?: AbortSignal) => fingerprintsOf({ count: labels.length, fingerprintOf }, signal);

function partsOf({ train, validation, test }: RawData, unlabelled?: RawSplit): { role: Role; split: RawSplit }[] {
  const splits = { training: train, validation, test, unlabelled };
  return Object.entries(splits).flatMap(([role, split]) => (split ? [{ role: role as Role, split }] : []));
}

/** The split without some of its images, by number. Throws an InputError if a class has no images left. */
function withoutRows(split: RawSplit, skipped: readonly number[], classes: readonly string[]): RawSplit {
  if (skipped.length === 0) return split;
  const rows = without(split.labels.length, Int32Array.from(skipped));
  const labels = rows.map((row) => split.labels[row]!);
  expectLeft(classes, split.labels, labels);
  return {
    ...split,
    labels,
    pixels: chosenOf(split.pixels, split.H * split.W * 3, rows),
    ...(split.files && { files: Array.from(rows, (row) => split.files![row]!) }),
    fingerprintOf: (n) => split.fingerprintOf(rows[n]!),
  };
}

/** A limit takes from each class in turn, and so makes classes even: what is uneven in the folder then says nothing. */
function countsIn({ classes, train, test }: RawData, { trainLimit }: Source): { train: number[]; test: number } {
  return { train: trainLimit === null ? countsOf(classes, train!.labels) : [], test: test.labels.length };
}

/** By class, of the images that have a label. */
function countsOf(classes: readonly string[], labels: Int32Array): number[] {
  const counts = classes.map(() => 0);
  for (const label of labels) if (label >= 0) counts[label]!++;
  return counts;
}

/** What `make` gives. If it throws, files that were opened for these splits are closed. */
async function orReleased<T>(opened: readonly RawSplit[], make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    for (const { pixels } of opened) releasePixels(pixels);
    throw error;
  }
}

/** The classes that networks know, and how to find others among them: by place, or -1. */
export interface KnownNames {
  names: readonly string[];
  rowsOf(classes: readonly string[]): readonly number[];
}

export interface TestSource extends Source {
  /** Where a folder has no split, all its images are test images. */
  isWhole: boolean;
  skipUnreadable: boolean;
}

/**
 * Reads the test images of a data set alone, of whichever classes there are. Where all of those are among the known ones, labels are indices into these. Throws an
 * InputError that names the file or folder at fault.
 */
export async function openTestData(source: TestSource, known: KnownNames | null, options: OpenOptions = {}): Promise<TestData> {
  const { storeSize = 224, mostOnDevice, onNote = () => {} } = options;
  const chosen = selectionOf(source);
  const selection: Selection = { ...chosen, testShare: source.isWhole ? null : chosen.testShare, part: "test" };
  const limits = { train: null, test: source.testLimit };
  const { path, format, raw } = await readingFolder(source.path, source.format, async (found) => ({
    ...found,
    raw: await formats[found.format].read(found.path, limits, { ...options, selection, skips: {}, storeSize, skipUnreadable: source.skipUnreadable }),
  }));
  return orReleased([raw.test], async () => {
    const { classes, labels, said } = byName(raw, known);
    const { concerns } = settlePictures(raw.same ?? (await samePictures([{ role: "test", split: raw.test }], options.signal)), {});
    const test = toSplits([{ ...raw.test, labels }], mostOnDevice)[0]!;
    const streamed = streamedInWords([test]);
    if (streamed) onNote(streamed);
    const release = () => {
      releaseSplit(test);
      releasePixels(raw.test.pixels);
    };
    return {
      path,
      format,
      classes,
      test,
      drawn: drawnOf(raw, selection),
      leftOut: raw.leftOut ?? [],
      said: [...(raw.said ?? []), ...said, ...saidOf(concerns)],
      release,
    };
  });
}

/** How test images were drawn; null where the data set has its own, or all are. */
const drawnOf = ({ undivided }: RawData, { testShare, splitSeed }: Selection): Drawn | null =>
  undivided && testShare !== null ? { testShare, splitSeed } : null;

/** The labels as indices into the known classes, if these have all classes of the data; otherwise as they are. */
function byName({ classes, test: { labels } }: RawData, known: KnownNames | null): { classes: readonly string[]; labels: Int32Array; said: Said[] } {
  const rows = known?.rowsOf(classes) ?? [];
  if (!known || rows.includes(-1)) return { classes, labels, said: [] };
  const { names } = known;
  const untested = names.filter((_, row) => !rows.includes(row));
  const text = `the test images show ${classes.length} of the ${names.length} classes that the model knows: none shows ${untested.join(", ")}`;
  return { classes: names, labels: labels.map((label) => rows[label]!), said: untested.length > 0 ? [{ type: "note", text }] : [] };
}

function expectOneValidation({ path, validation }: Source, raw: RawData): void {
  if (raw.validation && validation)
    throw new InputError(`data.validation: ${path} has validation images of its own, so none are held back: set it to null, or move that folder away`);
}

async function hashOf(classes: readonly string[], splits: RawSplit[], signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(classes));
  for (const { labels, pixels, H, W } of splits) {
    hash.update(`${labels.length} ${H} ${W}`).update(labels);
    if (!isHeld(pixels)) {
      await pixels.identify(allOf(pixels.count), hash);
      continue;
    }
    for (let at = 0; at < pixels.length; at += PIECE) {
      hash.update(pixels.subarray(at, at + PIECE));
      await stopPoint(signal);
    }
  }
  return hash.digest("hex");
}
