import { statSync } from "node:fs";
import { join } from "node:path";
import type { Pixels } from "../dataset";
import { DECODED_AT_ONCE, decode, decodeSquare, fitSquare, imageSize } from "../decode";
import { chosenOf, type SplitPixels } from "../image-source";
import { checkMemory } from "../memory";
import { checkStop, stopPoint } from "../stop";
import { FileTable } from "./file-table";
import { openStore } from "./open-store";

export interface FilesToRead {
  /** Holds the files. */
  folder: string;
  /** The paths of all files, relative to the folder. */
  paths: readonly string[];
  /** The numbers of those that are wanted, in order. */
  chosen: Int32Array;
  /** In pixels: of the images, or "own" if they stay as they are where all are squares of one size of at most `most`, and otherwise become as large as that. */
  side: number | { most: number };
}

export interface ReadingFiles {
  onProgress?: (done: number, total: number) => void;
  /** Told what the user should know, in words. */
  onNote?: (text: string) => void;
  /** Decoded images of at most so many bytes are read now. It must not depend on the machine, since the data's hash does. Default: 256 MB. */
  heldBytes?: number;
  signal?: AbortSignal;
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
export async function readFiles(wanted: FilesToRead, options: ReadingFiles): Promise<{ pixels: SplitPixels; side: number }> {
  const { folder, paths } = wanted;
  const files = await tableOf(folder, paths, options.signal);
  if (typeof wanted.side === "number") return pixelsOf(wanted, files, wanted.side, null, options);
  const { most } = wanted.side;
  const own = await ownSide(wanted, options.signal);
  if (own === null || own >= most) return pixelsOf(wanted, files, most, null, options);
  const isHeld = wanted.chosen.length * own * own * 3 <= (options.heldBytes ?? HELD_BYTES);
  try {
    return await pixelsOf(wanted, files, own, isHeld ? refused : toldOnce(own, options), options);
  } catch (error) {
    if (!(error instanceof OtherSize)) throw error;
    return pixelsOf(wanted, files, most, null, options);
  }
}

/** Told of an image whose size is another than the data set's. */
type OnOther = (path: string, image: Pixels) => void;

async function pixelsOf({ folder, chosen }: FilesToRead, files: FileTable, side: number, onOther: OnOther | null, options: ReadingFiles) {
  const { onProgress, onNote = () => {}, heldBytes = HELD_BYTES, signal } = options;
  const bytes = side * side * 3;
  checkMemory(Math.min(chosen.length, BATCH), side);
  const decodeOwn = async (path: string, signal?: AbortSignal) => {
    const image = await decode({ path }, { signal });
    if (image.H !== side || image.W !== side) onOther!(path, image);
    return fitSquare(image, side);
  };
  const decodeFitted = (path: string, signal?: AbortSignal) => decodeSquare({ path }, side, { signal });
  const source = openStore({ folder, files, side, decode: onOther ? decodeOwn : decodeFitted, onNote, signal });
  if (chosen.length * bytes > heldBytes) return { pixels: chosenOf(source, bytes, chosen), side };
  try {
    const pixels = new Uint8Array(chosen.length * bytes);
    await source.readTelling(chosen, pixels, (done) => onProgress?.(done, chosen.length));
    return { pixels, side };
  } finally {
    source.release();
  }
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
async function tableOf(folder: string, paths: readonly string[], signal?: AbortSignal): Promise<FileTable> {
  const files = new FileTable();
  for (const [n, path] of paths.entries()) {
    const stats = statSync(join(folder, path), { throwIfNoEntry: false });
    files.add(path, stats?.size ?? 0, stats?.mtimeMs ?? 0);
    if (n % FILES_BETWEEN_PAUSES === 0) await stopPoint(signal);
  }
  return files;
}

/** The side of all images, if they are squares of one size as far as up to a thousand of them tell; otherwise null. */
async function ownSide({ folder, paths, chosen }: FilesToRead, signal?: AbortSignal): Promise<number | null> {
  const step = Math.max(1, chosen.length / HEADERS_READ);
  const looked = Array.from({ length: Math.min(chosen.length, HEADERS_READ) }, (_, i) => join(folder, paths[chosen[Math.floor(i * step)]!]!));
  const sides = new Set<number | null>();
  for (let at = 0; at < looked.length && sides.size < 2; at += DECODED_AT_ONCE) {
    const sizes = await Promise.allSettled(looked.slice(at, at + DECODED_AT_ONCE).map((path) => imageSize({ path }, { signal })));
    checkStop(signal);
    // A file that cannot be read is reported when it is decoded.
    for (const size of sizes) if (size.status === "fulfilled") sides.add(size.value.width === size.value.height ? size.value.width : null);
  }
  return sides.size === 1 ? [...sides][0]! : null;
}
