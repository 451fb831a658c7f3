/**
 * Writes to places that a person named, where anything may lie beside: what is not whole yet is in a new folder of its own there, so no name of anybody's is
 * taken. It is removed when writing fails and when the process exits.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InputError } from "../contract/failure";
import { naming } from "./open-file";
import { type FileContent, isDevice, partialOf, putInPlace, writeDevice, writeWhole } from "./write-whole";

/** The folders of this process. */
const unfinished = new Set<string>();

/** Writes a file completely or not at all. Devices and pipes, such as /dev/stdout, are written in place. */
export function writeFileBeside(out: string, content: FileContent): void {
  if (isDevice(out)) writeDevice(out, content);
  else insteadOf(out, (path) => writeWhole(path, content));
}

/** Calls `make` with the path that it writes a file or folder to, and puts that in its place. Errors name the place. */
export function insteadOf<T>(out: string, make: (path: string) => T): T {
  const beside = begin(out);
  try {
    const made = make(beside.path);
    putInPlace(beside.path, out);
    return made;
  } catch (error) {
    throw beside.named(error);
  } finally {
    beside.remove();
  }
}

/** The same for what takes time. */
export async function insteadOfInTime<T>(out: string, make: (path: string) => Promise<T>): Promise<T> {
  const beside = begin(out);
  try {
    const made = await make(beside.path);
    putInPlace(beside.path, out);
    return made;
  } catch (error) {
    throw beside.named(error);
  } finally {
    beside.remove();
  }
}

function begin(out: string) {
  if (unfinished.size === 0) process.once("exit", removeAll);
  const folder = naming(out, "written", () => mkdtempSync(join(dirname(out), ".distill-")));
  unfinished.add(folder);
  const path = join(folder, basename(out));
  const asked = [
    [partialOf(path), out],
    [path, out],
    [folder, dirname(out)],
  ] as const;
  const namedIn = (message: string) => message.split("\n").map((line) => asked.reduce((text, [from, to]) => text.replaceAll(from, to), line));
  return {
    path,
    named: (error: unknown) => (error instanceof InputError ? new InputError(namedIn(error.message), { cause: error }) : error),
    remove: () => {
      remove(folder);
      unfinished.delete(folder);
      if (unfinished.size === 0) process.off("exit", removeAll);
    },
  };
}

const removeAll = () => unfinished.forEach(remove);

/** What stands in the way may be anything; the error that is being reported counts more. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}
