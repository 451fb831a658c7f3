import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../contract/failure";
import { naming, OpenFile, withFile } from "./open-file";

/** Where a file lies while it is being written. */
export const partialOf = (path: string) => `${path}.partial`;

/**
 * Writes a file completely or not at all, in a folder of this program's: to a temporary file beside, synced, then renamed. Its name is fixed, so that
 * resuming finds what a killed process left; where a person's files may lie, write-beside.ts writes.
 */
export function writeWhole(path: string, content: FileContent): void {
  if (isDevice(path)) {
    writeDevice(path, content);
    return;
  }
  writePartial(path, content);
  try {
    putInPlace(partialOf(path), path);
  } catch (error) {
    remove(partialOf(path));
    throw error;
  }
}

/** A text, or what writes the open file. */
export type FileContent = string | ((file: OpenFile) => void);

export function isDevice(path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  return there !== undefined && !there.isFile() && !there.isDirectory();
}

/** Devices and pipes, such as /dev/stdout, are written in place: a renamed file would take their name from the system. */
export function writeDevice(path: string, content: FileContent): void {
  withFile(new OpenFile(path, "w"), (file) => write(file, content));
}

function write(file: OpenFile, content: FileContent): void {
  if (typeof content === "string") file.write(content);
  else content(file);
}

/** What stands in the way may be anything; the error that is being reported counts more. */
function remove(partial: string): void {
  try {
    rmSync(partial, { force: true });
  } catch {}
}

/** Writes and syncs the temporary file alone, its entry in the folder included. Removes it if that fails. */
export function writePartial(path: string, content: FileContent): void {
  const partial = partialOf(path);
  try {
    withFile(new OpenFile(path, "w", partial), (file) => {
      write(file, content);
      file.sync();
    });
    syncFolder(dirname(path));
  } catch (error) {
    remove(partial);
    throw error;
  }
}

/** Renames a file or folder over another and syncs the folder: after a power loss either the old one or the new one is there. */
export function putInPlace(from: string, to: string): void {
  naming(to, "written", () => renameSync(from, to));
  syncFolder(dirname(to));
}

/** The same, unless something of that name is there by now: throws an InputError then. */
export function putInPlaceAnew(from: string, to: string): void {
  const isFile = statSync(from).isFile();
  try {
    // A link never takes the place of what is there, as a renamed file does; a renamed folder takes that of an empty one alone.
    naming(to, "written", () => (isFile ? linkSync(from, to) : renameSync(from, to)));
  } catch (error) {
    const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
    if (["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(code!) || existsSync(to))
      throw new InputError(`${to}: something of that name was made meanwhile, and nothing is overwritten; choose another name`);
    // Not every file system has links.
    if (!isFile) throw error;
    putInPlace(from, to);
    return;
  }
  syncFolder(dirname(to));
}

/** Some systems (Windows) and file systems (network drives) cannot sync a folder. */
const CANNOT_SYNC = ["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF"];

/** Puts a folder's list of names on the disk, where the system can. */
export function syncFolder(folder: string): void {
  try {
    const file = openSync(folder, "r");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (CANNOT_SYNC.includes((error as NodeJS.ErrnoException).code ?? "")) return;
    naming(folder, "written", () => {
      throw error;
    });
  }
}
