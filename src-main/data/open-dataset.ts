import { createHash } from "node:crypto";
import type { DataSource } from "../contract/recipe";
import { PIECE } from "../disk/open-file";
import { allOrNone } from "../tensor/tensor";
import type { Dataset, RawSplit } from "./dataset";
import { divide } from "./division";
import { formats } from "./formats";
import { allOf, isHeld, releasePixels } from "./image-source";
import { readingFolder } from "./locate";
import { releaseSplit, streamedInWords, toSplit } from "./split";
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
  const { path, format, raw } = await readingFolder(source.path, source.format, async (found) => ({
    ...found,
    raw: await formats[found.format].read(found.path, limits, { ...options, storeSize }),
  }));
  const opened = [raw.train, raw.test];
  try {
    const more = source.unlabelled && source.unlabelled !== "rest" ? await readUnlabelled(source.unlabelled, raw.train.H, options) : null;
    if (more) opened.push(more);
    const { train, labelled, validation } = divide(raw.train, raw.classes.length, source, seed, more);
    const parts = [train, raw.test, ...(validation ? [validation] : [])];
    const hash = await hashOf(raw.classes, parts, signal);
    const splits = allOrNone(() => parts.map((part) => toSplit(part, mostOnDevice)));
    const streamed = streamedInWords(parts, splits);
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
      release() {
        for (const split of splits) releaseSplit(split);
        for (const { pixels } of opened) releasePixels(pixels);
      },
    };
  } catch (error) {
    for (const { pixels } of opened) releasePixels(pixels);
    throw error;
  }
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
