/**
 * Writes to places that a person named, where anything may lie beside: what is not whole yet is in a new folder of its own there, so no name of anybody's is
 * taken. It is removed when writing fails and when the process exits; that of a process which was killed, when the next one writes there.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InputError } from "../contract/failure";
import { naming } from "./open-file";
import { hasEnded, processIdentity, thisProcess } from "./process-identity";
import { type FileContent, isDevice, partialOf, putInPlace, putInPlaceAnew, writeDevice, writeWhole } from "./write-whole";

const PREFIX = ".distill-";
/** In such a folder: the process that it is of. */
const OWNER = ".written-by";

/** The folders of this process. */
const unfinished = new Set<string>();

/** Writes a file completely or not at all. Devices and pipes, such as /dev/stdout, are written in place. */
export function writeFileBeside(out: string, content: FileContent): void {
  if (isDevice(out)) writeDevice(out, content);
  else insteadOf(out, (path) => writeWhole(path, content));
}

/** Calls `make` with the path that it writes a file or folder to, and puts that in its place. Errors name the place. */
export function insteadOf<T>(out: string, make: (path: string) => T): T {
  return put(out, make, putInPlace);
}

/** The same, unless something of that name is there by then: throws an InputError. */
export function anew<T>(out: string, make: (path: string) => T): T {
  return put(out, make, putInPlaceAnew);
}

function put<T>(out: string, make: (path: string) => T, putThere: typeof putInPlace): T {
  const beside = begin(out);
  try {
    const made = make(beside.path);
    putThere(beside.path, out);
    return made;
  } catch (error) {
    throw beside.named(error);
  } finally {
    beside.remove();
  }
}

/** `insteadOf` for what takes time. */
export function insteadOfInTime<T>(out: string, make: (path: string) => Promise<T>): Promise<T> {
  return putInTime(out, make, putInPlace);
}

/** `anew` for what takes time. */
export function anewInTime<T>(out: string, make: (path: string) => Promise<T>): Promise<T> {
  return putInTime(out, make, putInPlaceAnew);
}

async function putInTime<T>(out: string, make: (path: string) => Promise<T>, putThere: typeof putInPlace): Promise<T> {
  const beside = begin(out);
  try {
    const made = await make(beside.path);
    putThere(beside.path, out);
    return made;
  } catch (error) {
    throw beside.named(error);
  } finally {
    beside.remove();
  }
}

function begin(out: string) {
  removeAbandoned(dirname(out));
  const folder = naming(out, "written", () => mkdtempSync(join(dirname(out), PREFIX)));
  if (unfinished.size === 0) process.once("exit", removeAll);
  unfinished.add(folder);
  const path = join(folder, basename(out));
  const owner = join(folder, OWNER);
  const asked = [
    [partialOf(path), out],
    [path, out],
    [owner, out],
    [folder, dirname(out)],
  ] as const;
  const namedIn = (message: string) => message.split("\n").map((line) => asked.reduce((text, [from, to]) => text.replaceAll(from, to), line));
  const beside = {
    path,
    named: (error: unknown) => (error instanceof InputError ? new InputError(namedIn(error.message), { cause: error }) : error),
    remove: () => {
      remove(folder);
      unfinished.delete(folder);
      if (unfinished.size === 0) process.off("exit", removeAll);
    },
  };
  try {
    naming(out, "written", () => writeFileSync(owner, JSON.stringify(thisProcess())));
  } catch (error) {
    beside.remove();
    throw beside.named(error);
  }
  return beside;
}

const removeAll = () => unfinished.forEach(remove);

/** Removes what processes that have ended left in a folder, and nothing else. */
function removeAbandoned(folder: string): void {
  for (const name of namesIn(folder)) if (name.startsWith(PREFIX) && isAbandoned(join(folder, name))) remove(join(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Writing there will say what is wrong.
    return [];
  }
}

function isAbandoned(folder: string): boolean {
  try {
    const owner = join(folder, OWNER);
    return hasEnded(processIdentity.parse(JSON.parse(readFileSync(owner, "utf8"))), statSync(owner).mtime);
  } catch {
    // Not one of these, or just being made.
    return false;
  }
}

/** What stands in the way may be anything; the error that is being reported counts more. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}
