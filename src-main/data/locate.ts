import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type DataFormat, detectedFormats, type StoredFormat } from "../contract/data-formats";
import { InputError, Interrupted } from "../contract/failure";
import { isRefusal } from "../disk/open-file";
import { bundledData } from "./assets";
import { formats } from "./formats";

export interface Location {
  /** The folder that holds the files themselves. */
  path: string;
  format: StoredFormat;
}

/** What to do if several formats are found. */
const CHOOSE = "choose the folder of one of them, or name its format (data.format, or --format)";

/** Finds the folder that holds the data and reads in it. A folder that vanishes meanwhile, or that the system refuses, is an InputError that names it. */
export async function readingFolder<T>(path: string, format: DataFormat, read: (found: Location) => Promise<T>): Promise<T> {
  const found = locate(path, format);
  try {
    return await read(found);
  } catch (cause) {
    if (cause instanceof Interrupted) throw cause;
    expectThere(found, cause);
    if (isRefusal(cause)) throw new InputError(`${found.path} cannot be read: ${(cause as Error).message}`, { cause });
    throw cause;
  }
}

/** Throws an InputError if the folder is no longer there, which may be the cause of what went wrong. */
export function expectThere({ path }: Location, cause?: unknown): void {
  if (!existsSync(path))
    throw new InputError(`${path} vanished while it was being read: put it back (was it moved, or its drive removed?) and try again`, { cause });
}

/** Finds the folder that holds the data, and their format. "bundled" is the sample that comes with the program. */
export function locate(path: string, format: DataFormat): Location {
  const folder = path === "bundled" ? bundledFolder() : existingFolder(path);
  const candidates = format === "auto" ? detectedFormats : [format];
  const found = candidates.flatMap((format): Location[] => {
    const path = formats[format].detect(folder);
    return path === null ? [] : [{ path, format }];
  });
  if (found.length > 1) throw new InputError(`${folder} holds images in several formats: ${found.map(inWords).join(", ")}; ${CHOOSE}`);
  if (found.length === 1) return found[0]!;
  for (const each of candidates) {
    const problem = formats[each].nearMiss?.(folder);
    if (problem) throw new InputError(problem);
  }
  const { expected } = formats[format === "auto" ? "image-folder" : format];
  if (readdirSync(folder).length === 0) throw new InputError(`${folder} is empty: expected ${expected}`);
  const published = format === "auto" ? "; or the files of CIFAR-10 or CIFAR-100 as they are published" : "";
  throw new InputError(`${folder} holds no images in a known layout: expected ${expected}${published}`);
}

function inWords({ path, format }: Location): string {
  return `${format} in ${path}`;
}

function bundledFolder(): string {
  const folder = bundledData();
  if (!folder) throw new InputError("the bundled images are missing from this copy of the program: give a folder of your own, or download CIFAR-10");
  return folder;
}

/** Throws an InputError unless the path is that of a folder. */
export function existingFolder(path: string): string {
  const folder = resolve(path);
  if (!existsSync(folder)) throw new InputError(`${folder} does not exist: expected a folder with images`);
  if (!statSync(folder).isDirectory()) throw new InputError(`${folder} is a file: expected a folder with images`);
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw new InputError(`${folder} may not be read: give yourself permission to read the folder and open what is in it, or choose another`, { cause });
  }
  return folder;
}
