import { createHash } from "node:crypto";
import sharp from "sharp";
import { memory } from "../../machine/memory";
import { DECODED_AT_ONCE } from "../decode";
import type { FileTable } from "./file-table";
import { Kept } from "./kept";
import { openDisk } from "./open-disk";
import { StoredImages } from "./stored-images";

/** Has to change whenever this program makes other pixels of the same file than before; what the image library makes of it is known by its version. */
const DECODING = 2;

/** Differs wherever the same file may give other pixels. */
export const decodingVersion = () => [DECODING, sharp.versions] as const;

export interface StoreOptions {
  /** Holds the files. */
  folder: string;
  /** All files of the folder, also those of which nothing is needed now: the store is for all starts. */
  files: FileTable;
  /** How many of them, the first ones, are wanted now. */
  wanted: number;
  /** Of the decoded images, in pixels. */
  side: number;
  /** Decodes the image of a file to [side,side,3]. Throws an InputError that names it if that is not possible. */
  decode(path: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Told what the user should know, in words. */
  onNote(text: string): void;
  signal?: AbortSignal;
}

/**
 * The decoded images of files, those that an earlier start has kept on the disk as they are there, and the others decoded when they are needed. Where the
 * disk has no room for them, memory keeps as many as an eighth of what is free holds.
 */
export function openStore(options: StoreOptions): StoredImages {
  const { folder, files, wanted, side, decode, onNote, signal } = options;
  const bytes = side * side * 3;
  const disk = openDisk({
    key: keyOf(files, side),
    images: folder,
    count: () => files.count,
    bytes,
    what: "decoded images",
    again: "decodes them again",
    onNote,
  });
  const mostHeld = Math.floor(memory().available / 8 / bytes);
  const homeless = (disk?.homeless ?? files.count) - mostHeld;
  if (homeless > 0)
    onNote(
      `${homeless} of ${files.count} decoded images have room neither on the disk nor in memory, and are decoded whenever they are needed: see DISTILL_CACHE_GB`,
    );
  const kept = new Kept(disk, mostHeld, (reason) => onNote(`decoded images go no further to the disk (${reason}): the next start decodes the others again`));
  return new StoredImages({ folder, files, wanted, bytes, kept, decode, onNote, atOnce: DECODED_AT_ONCE, signal });
}

/** Equal for the same files in whatever folder, with the same side. */
function keyOf(files: FileTable, side: number): string {
  const hash = createHash("sha256").update(JSON.stringify([...decodingVersion(), side, files.count]));
  for (const part of files.content()) hash.update(part);
  return hash.digest("hex").slice(0, 32);
}
