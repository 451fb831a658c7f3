import { statSync } from "node:fs";
import { join } from "node:path";
import type { Pixels } from "../dataset";
import { DECODED_AT_ONCE, decode, decodeSquare, imageSize } from "../decode";
import type { LeftOut } from "../folder/left-out";
import { below, systemPath } from "../folder/names";
import { allOf, chosenOf, releasePixels, type SplitPixels } from "../image-source";
import { checkMemory, gigabytes } from "../memory";
import type { Said } from "../said";
import { checkStop, stopPoint } from "../stop";
import { UnreadableImages } from "../unreadable";
import { FileTable } from "./file-table";
import { openStore } from "./open-store";
import { storePlace } from "./place";
import type { StoredImages } from "./stored-images";

/** Files, of which the first are wanted: a store is for all, whatever is wanted now. */
export interface FilesPart {
  count: number;
  /** Relative to the folder. */
  path(n: number): string;
  wanted: number;
}

export interface FilesToRead {
  /** Holds the files. */
  folder: string;
  parts: readonly FilesPart[];
  /** Of the images, in pixels; `most`: they stay as they are if all are squares of one smaller size, and otherwise become that large. */
  side: number | { most: number };
  /** Leave out those that cannot be read. All are decoded now then, as which are left has to be known. */
  skipUnreadable: boolean;
}

export interface ReadingFiles {
  onProgress?: (done: number, total: number) => void;
  /** Told what the user should know, in words, of what is found while images are read. */
  onNote?: (text: string) => void;
  /** Decoded images of at most so many bytes are read now. It must not depend on the machine, since the data's hash does. Default: 256 MB. */
  heldBytes?: number;
  signal?: AbortSignal;
}

export interface FilesRead {
  /** `files`: the numbers of the files that they come from. */
  parts: { pixels: SplitPixels; files: Int32Array }[];
  side: number;
  leftOut: LeftOut[];
  said: Said[];
}

const HELD_BYTES = 256e6;
/** Files whose headers tell whether all images have one size. */
const HEADERS_READ = 1000;
const FILES_BETWEEN_PAUSES = 1000;
/** What the largest batches hold has to fit into memory. */
const BATCH = 256;

/**
 * The images of files, each resized by its shorter side and cropped around its centre to a square. Few are decoded now, of more each when it is first needed;
 * an InputError names all files among those that cannot be read.
 */
export async function readFiles(wanted: FilesToRead, options: ReadingFiles): Promise<FilesRead> {
  const tables = [];
  for (const part of wanted.parts) tables.push(await tableOf(wanted.folder, part, options.signal));
  const reading = new Reading(wanted, tables, options);
  if (typeof wanted.side === "number") return reading.at(wanted.side, null);
  const { most } = wanted.side;
  const fitted = (why: string) => {
    options.onNote?.(`${why}: each is resized by its shorter side to ${most}, and the square around its centre is seen`);
    return reading.at(most, null);
  };
  const own = await ownSide(wanted, options.signal);
  if (own === null) return fitted("the images are not all squares of one size");
  if (own > most) {
    options.onNote?.(`the images are squares of ${own} pixels: each is resized to ${most}`);
    return reading.at(most, null);
  }
  try {
    return await reading.at(own, reading.isHeldAt(own) ? refused : toldOnce(own, options));
  } catch (error) {
    if (!(error instanceof OtherSize)) throw error;
    return fitted("the images are not all squares of one size");
  }
}

/** Told of an image whose size is another than the data set's. */
type OnOther = (path: string, image: Pixels) => void;

class Reading {
  readonly #told = new Set<string>();
  readonly #total: number;

  constructor(
    private readonly wanted: FilesToRead,
    private readonly tables: readonly FileTable[],
    private readonly options: ReadingFiles,
  ) {
    this.#total = wanted.parts.reduce((sum, { wanted }) => sum + wanted, 0);
  }

  /** Whether all images are read now. */
  isHeldAt(side: number): boolean {
    return this.#total * side * side * 3 <= (this.options.heldBytes ?? HELD_BYTES);
  }

  /** `onOther` is called for an image that is not of this size; null: it is fitted. */
  async at(side: number, onOther: OnOther | null): Promise<FilesRead> {
    checkMemory(Math.min(this.#total, BATCH), side);
    const unreadable = new UnreadableImages();
    const parts: FilesRead["parts"] = [];
    let done = 0;
    const onRead = () => this.options.onProgress?.(++done, this.#total);
    try {
      for (const [i, { wanted }] of this.wanted.parts.entries()) {
        const images = this.#open(this.tables[i]!, wanted, side, onOther);
        const part = this.isHeldAt(side) ? held(images, wanted, side, unreadable, onRead) : this.#stored(images, wanted, side, unreadable, onRead);
        parts.push(await part);
      }
      const settled = unreadable.settle(this.#total, this.wanted.skipUnreadable);
      if (!this.isHeldAt(side)) this.#onNote(keptInWords(this.#total * side * side * 3));
      return { parts, side, ...settled };
    } catch (error) {
      for (const { pixels } of parts) releasePixels(pixels);
      throw error;
    }
  }

  #open(files: FileTable, wanted: number, side: number, onOther: OnOther | null): StoredImages {
    const decodeFitted = (path: string, signal?: AbortSignal) => decodeSquare({ path }, side, { signal });
    const decodeOwn = async (path: string, signal?: AbortSignal) => {
      const image = await decode({ path }, { signal });
      if (image.H === side && image.W === side) return image.data;
      onOther!(path, image);
      // As where it is expected: what is kept must not depend on how it was met.
      return decodeFitted(path, signal);
    };
    return openStore({
      folder: this.wanted.folder,
      files,
      wanted,
      side,
      decode: onOther ? decodeOwn : decodeFitted,
      onNote: this.#onNote,
      signal: this.options.signal,
    });
  }

  async #stored(images: StoredImages, wanted: number, side: number, unreadable: UnreadableImages, onRead: () => void): Promise<FilesRead["parts"][number]> {
    const bytes = side * side * 3;
    const scratch = new Uint8Array(bytes);
    try {
      const files = this.wanted.skipUnreadable ? await images.readable(allOf(wanted), () => scratch, unreadable, onRead) : allOf(wanted);
      return { pixels: chosenOf(images, bytes, files), files };
    } catch (error) {
      images.release();
      throw error;
    }
  }

  /** Several parts may have the same to say. */
  #onNote = (text: string): void => {
    if (!this.#told.has(text)) this.options.onNote?.(text);
    this.#told.add(text);
  };
}

async function held(images: StoredImages, wanted: number, side: number, unreadable: UnreadableImages, onRead: () => void): Promise<FilesRead["parts"][number]> {
  const bytes = side * side * 3;
  const pixels = new Uint8Array(wanted * bytes);
  try {
    const files = await images.readable(allOf(wanted), (i) => pixels.subarray(i * bytes, (i + 1) * bytes), unreadable, onRead);
    return { pixels: files.length === wanted ? pixels : chosenOf(pixels, bytes, files), files };
  } finally {
    images.release();
  }
}

/** What becomes of so many bytes of images that are not read now. */
function keptInWords(bytes: number): string {
  const { folder } = storePlace();
  const kept =
    folder === null
      ? "kept in memory as far as it goes (DISTILL_CACHE names no folder, and may name one)"
      : `kept for the next start in ${folder} (DISTILL_CACHE)`;
  return `the images take ${gigabytes(bytes)} decoded: each is decoded when it is first needed, and ${kept}`;
}

/** An image is larger or smaller than the others, or no square. */
class OtherSize extends Error {}

const refused: OnOther = () => {
  throw new OtherSize();
};

function toldOnce(side: number, { onNote }: ReadingFiles): OnOther {
  let isTold = false;
  return (path, { H, W }) => {
    if (!isTold) onNote?.(`${path} has ${W}x${H} pixels, where the images looked at have ${side}x${side}: it is resized to that, and others like it`);
    isTold = true;
  };
}

/** Sizes and times of change. */
async function tableOf(folder: string, { count, path }: FilesPart, signal?: AbortSignal): Promise<FileTable> {
  const files = new FileTable();
  for (let n = 0; n < count; n++) {
    const name = path(n);
    const stats = statSync(systemPath(below(folder, name)), { throwIfNoEntry: false });
    files.add(name, stats?.size ?? 0, stats?.mtimeMs ?? 0);
    if (n % FILES_BETWEEN_PAUSES === 0) await stopPoint(signal);
  }
  return files;
}

/** The side of all images, if they are squares of one size as far as up to a thousand of each part tell; otherwise null. */
async function ownSide({ folder, parts }: FilesToRead, signal?: AbortSignal): Promise<number | null> {
  const looked = parts.flatMap(({ path, wanted }) => {
    const step = Math.max(1, wanted / HEADERS_READ);
    return Array.from({ length: Math.min(wanted, HEADERS_READ) }, (_, i) => join(folder, path(Math.floor(i * step))));
  });
  let side: number | null = null;
  for (let at = 0; at < looked.length; at += DECODED_AT_ONCE) {
    const sizes = await Promise.allSettled(looked.slice(at, at + DECODED_AT_ONCE).map((path) => imageSize({ path }, { signal })));
    checkStop(signal);
    // A file that cannot be read is reported when it is decoded.
    for (const { width, height } of sizes.flatMap((size) => (size.status === "fulfilled" ? [size.value] : []))) {
      side ??= width;
      if (width !== side || height !== side) return null;
    }
  }
  return side;
}
