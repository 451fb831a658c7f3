import { join } from "node:path";
import { makeFolder } from "../../disk/make-folder";
import { writeWhole } from "../../disk/write-whole";
import { gigabytes } from "../memory";
import { DiskStore } from "./disk-store";
import { aboutFile, makeRoom, type StoreInfo, type StorePlace, storePlace } from "./place";

export interface DiskOptions {
  /** 32 hexadecimal digits, of everything that the values follow from. */
  key: string;
  /** The folder of the images that they are made of, for people. */
  images: string;
  /** Number of values, told the folder in which they lie, and the bytes of each. */
  count(folder: string): number;
  bytes: number;
  /** What is kept, and what the next start does without it, in words. */
  what: string;
  again: string;
  /** Told what the user should know, in words. */
  onNote(text: string): void;
}

/** What earlier starts have kept on the disk under this key, and room for the rest. Null where nothing is kept on the disk. */
export function openDisk({ key, images, count: countIn, bytes, what, again, onNote }: DiskOptions): DiskStore | null {
  const place = storePlace();
  if (place.folder === null) return null;
  const own = join(place.folder, key);
  try {
    makeFolder(own, 0o700);
    const count = countIn(own);
    const { removed, room } = makeRoom({ ...place, folder: place.folder }, key, count * bytes);
    for (const store of removed) onNote(removedInWords(store, place));
    const disk = new DiskStore(own, count, bytes, room);
    markUsed(own, { images, fullBytes: count * bytes, what });
    return disk;
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    onNote(`${what} cannot be kept in ${place.folder} (${error.message}): the next start ${again}; DISTILL_CACHE names another folder`);
    return null;
  }
}

/** A store that can only be read stays as it is. */
function markUsed(store: string, about: Pick<StoreInfo, "images" | "fullBytes" | "what">): void {
  try {
    writeWhole(aboutFile(store), JSON.stringify(about));
  } catch {}
}

function removedInWords({ images, bytes, what }: StoreInfo, { limitBytes }: StorePlace): string {
  return `removed the ${what} of ${images} (${gigabytes(bytes)}), which were not used for the longest time, to make room on the disk, where such files take at most ${gigabytes(limitBytes)} (DISTILL_CACHE_GB)`;
}
