import { closeSync, type Dirent, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type FileKind, isPicture, isRead, KIND_BYTES, kindNames, kindOf } from "../image-kind";
import type { LeftOut, Reason } from "./left-out";
import { below, nameOf, systemPath } from "./names";

/** What a name in a folder stands for, links followed; a reason where it cannot be followed. */
export interface Entry {
  name: string;
  is: "file" | "folder" | Extract<Reason, "dead-link" | "link-loop" | "refused" | "special">;
  isLink: boolean;
}

/** What systems and programs leave among people's files; names that begin with a dot are theirs too. */
const OF_SYSTEMS = new Set([
  "__MACOSX",
  "@eaDir",
  "@__thumb",
  "#recycle",
  "$RECYCLE.BIN",
  "System Volume Information",
  "lost+found",
  "Thumbs.db",
  "ehthumbs.db",
  "desktop.ini",
  "Desktop.ini",
  "Icon\r",
]);

/** What lies in a folder, in no order; names that begin with a dot, or that systems leave behind, are passed over. Throws the system's error if it cannot be listed. */
export function entriesIn(folder: string): Entry[] {
  return named(folder)
    .filter(([name]) => !name.startsWith(".") && !OF_SYSTEMS.has(name))
    .map(([name, entry]) => ({ name, is: whatIs(entry, below(folder, name)), isLink: entry.isSymbolicLink() }));
}

function named(folder: string): [name: string, entry: Dirent | Dirent<Buffer>][] {
  const path = systemPath(folder);
  const entries = readdirSync(path, { withFileTypes: true });
  // Only bytes that are no UTF-8 become this character, or it is there.
  if (process.platform === "win32" || !entries.some(({ name }) => name.includes("\ufffd"))) return entries.map((entry) => [entry.name, entry]);
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map((entry) => [nameOf(entry.name), entry]);
}

function whatIs(entry: Dirent | Dirent<Buffer>, path: string): Entry["is"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "special";
  try {
    const stats = statSync(systemPath(path));
    if (stats.isFile()) return "file";
    return stats.isDirectory() ? "folder" : "special";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "dead-link";
    return code === "ELOOP" ? "link-loop" : "refused";
  }
}

/**
 * The file that a text stands for which may have been a path of bytes: systems that hand over arguments as text put U+FFFD in the place of what is no UTF-8. The
 * path as it is, unless one file alone in its folder can be meant.
 */
export function meantPath(path: string): string {
  if (!path.includes("\ufffd") || existsSync(path)) return path;
  try {
    const names = named(dirname(path)).map(([name]) => name);
    const alike = names.filter((name) => systemPath(name).toString() === basename(path));
    return alike.length === 1 ? below(dirname(path), alike[0]!) : path;
  } catch {
    return path;
  }
}

/** What a folder is, whatever path leads to it; the path itself where the system does not tell. */
export function identityOf(folder: string): string {
  try {
    const { dev, ino } = statSync(systemPath(folder), { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return folder;
  }
}

/** Files with these endings are taken to be images without a look: if one is none, its decoder says so. */
const IMAGE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|tiff?|avif)$/i;

export const isImageName = (name: string): boolean => IMAGE_NAME.test(name);

/** Why a file is no image to read, by its name or else by its content; null if it is one. */
export function whyNoImage(path: string): Pick<LeftOut, "reason" | "detail"> | null {
  if (isImageName(path)) return null;
  try {
    const kind = kindOfFile(path);
    if (isRead(kind)) return null;
    if (isPicture(kind)) return { reason: "unread", detail: kindNames[kind!] };
    return { reason: "no-image" };
  } catch (error) {
    return { reason: "refused", detail: (error as NodeJS.ErrnoException).code };
  }
}

const beginning = Buffer.alloc(KIND_BYTES);

function kindOfFile(path: string): FileKind | null {
  const file = openSync(systemPath(path), "r");
  try {
    return kindOf(beginning.subarray(0, readSync(file, beginning, 0, KIND_BYTES, 0)));
  } finally {
    closeSync(file);
  }
}
