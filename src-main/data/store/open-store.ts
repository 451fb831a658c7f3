import { createHash } from "node:crypto";
import { join } from "node:path";
import sharp from "sharp";
import { makeFolder } from "../../disk/make-folder";
import { writeWhole } from "../../disk/write-whole";
import { memory } from "../../machine/memory";
import { DECODED_AT_ONCE } from "../decode";
import { gigabytes } from "../memory";
import { DiskStore } from "./disk-store";
import type { FileTable } from "./file-table";
import { Kept } from "./kept";
import { aboutFile, makeRoom, type StoreInfo, type StorePlace, storePlace } from "./place";
import { StoredImages } from "./stored-images";

/** Has to change whenever this program makes other pixels of the same file than before; what the image library makes of it is known by its version. */
const DECODING = 2;

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
  const disk = openDisk(options);
  const mostHeld = Math.floor(memory().available / 8 / bytes);
  const homeless = (disk?.homeless ?? files.count) - mostHeld;
  if (homeless > 0)
    onNote(
      `${homeless} of ${files.count} decoded images have room neither on the disk nor in memory, and are decoded whenever they are needed: see DISTILL_CACHE_GB`,
    );
  const kept = new Kept(disk, mostHeld, (reason) => onNote(`decoded images go no further to the disk (${reason}): the next start decodes the others again`));
  return new StoredImages({ folder, files, wanted, bytes, kept, decode, onNote, atOnce: DECODED_AT_ONCE, signal });
}

/** Null where nothing is kept on the disk. */
function openDisk({ folder, files, side, onNote }: StoreOptions): DiskStore | null {
  const place = storePlace();
  if (place.folder === null) return null;
  const [key, bytes] = [keyOf(files, side), side * side * 3];
  const own = join(place.folder, key);
  try {
    makeFolder(own, 0o700);
    const { removed, room } = makeRoom({ ...place, folder: place.folder }, key, files.count * bytes);
    for (const store of removed) onNote(removedInWords(store, place));
    const disk = new DiskStore(own, files.count, bytes, room);
    markUsed(own, folder, files.count * bytes);
    return disk;
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    onNote(`decoded images cannot be kept in ${place.folder} (${error.message}): the next start decodes them again; DISTILL_CACHE names another folder`);
    return null;
  }
}

/** Equal for the same files in whatever folder, with the same side. */
function keyOf(files: FileTable, side: number): string {
  const hash = createHash("sha256").update(JSON.stringify([DECODING, sharp.versions, side, files.count]));
  for (const part of files.content()) hash.update(part);
  return hash.digest("hex").slice(0, 32);
}

/** A store that can only be read stays as it is. */
function markUsed(store: string, images: string, fullBytes: number): void {
  try {
    writeWhole(aboutFile(store), JSON.stringify({ images, fullBytes, decoding: DECODING }));
  } catch {}
}

function removedInWords({ images, bytes }: StoreInfo, { limitBytes }: StorePlace): string {
  return `removed the decoded images of ${images} (${gigabytes(bytes)}), which were not used for the longest time, to make room on the disk, where such images take at most ${gigabytes(limitBytes)} (DISTILL_CACHE_GB)`;
}
