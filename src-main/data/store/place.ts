/** Where decoded images, and features of them, are kept from one start to the next, and how many bytes they may take there. */
import * as fs from "node:fs";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { InputError } from "../../contract/failure";

const GB = 1e9;
const DEFAULT_GB = 50;
/** Left free on the disk, for runs and everything else. */
const MARGIN = 4 * GB;
/** A store's folder is named by its key. */
const KEY = /^[0-9a-f]{32}$/;
/** A store that was opened less than so many milliseconds ago may be in use, and is going to be filled. */
const IN_USE = 3_600_000;

export interface StorePlace {
  /** Holds one folder for each store; null: nothing is kept, as the user wants it or has no home folder. */
  folder: string | null;
  /** Of all stores together. */
  limitBytes: number;
}

/** One store, for people. */
export interface StoreInfo {
  folder: string;
  /** What is kept of the images, in words. */
  what: string;
  /** The images' folder when the store was made. */
  images: string;
  bytes: number;
  /** With all images. */
  fullBytes: number;
  /** When a start last used it, in milliseconds. */
  usedAt: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Null where the system knows none of this user. */
function homeFolder(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/**
 * The user's cache folder by the system's convention, or as DISTILL_CACHE says: another folder, or "off". DISTILL_CACHE_GB limits its size. Throws an
 * InputError if one of them is not understood.
 */
export function storePlace(environment: Environment = process.env, platform = process.platform, home = homeFolder()): StorePlace {
  return { folder: folderOf(environment, platform, home), limitBytes: GB * gigabytesOf(environment.DISTILL_CACHE_GB) };
}

function folderOf({ DISTILL_CACHE: chosen, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local }: Environment, platform: string, home: string | null): string | null {
  if (chosen === "off") return null;
  if (chosen && !isAbsolute(chosen)) throw new InputError(`DISTILL_CACHE: expected the whole path of a folder, or "off", got "${chosen}"`);
  if (chosen) return join(chosen, "images");
  const [base, ...names] = conventionOf(platform, home, { xdg, local });
  return base ? join(base, ...names, "images") : null;
}

/** A cache folder that there is, null if there is none, and the program's folder in it. */
function conventionOf(platform: string, home: string | null, { xdg, local }: { xdg?: string; local?: string }): [base: string | null, ...names: string[]] {
  const below = (...names: string[]) => home && join(home, ...names);
  if (platform === "win32") return [local || below("AppData", "Local"), "Distill Studio", "Cache"];
  if (platform === "darwin") return [below("Library", "Caches"), "Distill Studio"];
  return [xdg && isAbsolute(xdg) ? xdg : below(".cache"), "distill-studio"];
}

function gigabytesOf(text: string | undefined): number {
  if (!text) return DEFAULT_GB;
  const count = Number(text);
  if (!(count >= 0 && Number.isFinite(count))) throw new InputError(`DISTILL_CACHE_GB: expected a number of gigabytes, got "${text}"`);
  return count;
}

/** Says what a store holds, in its folder. */
export const aboutFile = (store: string) => join(store, "about.json");

/** All stores in a folder, the one that has not been used for the longest time first. */
export function storesIn(folder: string): StoreInfo[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => KEY.test(name)) : [];
  const stores = names.flatMap((name) => storeAt(join(folder, name)) ?? []);
  return stores.sort((a, b) => a.usedAt - b.usedAt);
}

/** Null if another process is removing it. */
function storeAt(folder: string): StoreInfo | null {
  try {
    const about = JSON.parse(readFileSync(aboutFile(folder), "utf8")) as Pick<StoreInfo, "images" | "fullBytes"> & Partial<StoreInfo>;
    const { images, fullBytes, what = "decoded images" } = about;
    const bytes = readdirSync(folder).reduce((sum, name) => sum + bytesOnDisk(join(folder, name)), 0);
    return { folder, what: String(what), images: String(images), bytes, fullBytes: Number(fullBytes), usedAt: statSync(aboutFile(folder)).mtimeMs };
  } catch {
    return null;
  }
}

/** A store's files are as long as for all of its images, but take only the room of those which they hold. */
function bytesOnDisk(path: string): number {
  const { blocks, size } = statSync(path);
  return process.platform === "win32" ? size : blocks * 512;
}

/**
 * Removes the stores that were not used for the longest time until one of `bytes` has room beside the others, as far as limit and disk allow it; those that
 * may be in use stay. Returns those removed, and how many bytes the one may take.
 */
export function makeRoom({ folder, limitBytes }: StorePlace & { folder: string }, key: string, bytes: number): { removed: StoreInfo[]; room: number } {
  const stores = storesIn(folder);
  const own = stores.find((store) => store.folder === join(folder, key))?.bytes ?? 0;
  const others = stores.filter((store) => store.folder !== join(folder, key));
  const isInUse = ({ usedAt }: StoreInfo) => Date.now() - usedAt < IN_USE;
  const [used, unused] = [others.filter(isInUse), others.filter((store) => !isInUse(store))];
  const removed: StoreInfo[] = [];
  const roomNow = () => {
    const taken = unused.reduce((sum, { bytes }) => sum + bytes, 0);
    const claimed = used.reduce((sum, { bytes, fullBytes }) => sum + Math.max(bytes, fullBytes), 0);
    const unfilled = claimed - used.reduce((sum, { bytes }) => sum + bytes, 0);
    return Math.max(0, Math.min(limitBytes - taken - claimed, own + freeBytes(folder) - unfilled - MARGIN));
  };
  while (roomNow() < bytes && unused.length > 0) {
    const oldest = unused.shift()!;
    rmSync(oldest.folder, { recursive: true, force: true });
    removed.push(oldest);
  }
  return { removed, room: roomNow() };
}

/** Of the disk. Older versions of Electron come with a Node that cannot tell: a full disk is met when it is written to. */
function freeBytes(folder: string): number {
  if (!("statfsSync" in fs)) return Number.POSITIVE_INFINITY;
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}
