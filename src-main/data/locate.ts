import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type DataFormat, type StoredFormat, storedFormats } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import { bundledData } from "./assets";
import { formats } from "./formats";

export interface Location {
  /** The folder that holds the files themselves. */
  path: string;
  format: StoredFormat;
}

/** What to do if several formats are found. */
const CHOOSE = "choose the folder of one of them, or name its format (data.format, or --format)";

/** Finds the folder that holds the data, and their format. "bundled" is the sample that comes with the program. */
export function locate(path: string, format: DataFormat): Location {
  const folder = path === "bundled" ? bundledFolder() : existingFolder(path);
  const candidates = format === "auto" ? storedFormats : [format];
  const found = candidates.flatMap((format): Location[] => {
    const path = formats[format].detect(folder);
    return path === null ? [] : [{ path, format }];
  });
  if (found.length > 1) throw new InputError(`${folder} holds images in several formats: ${found.map(inWords).join(", ")}; ${CHOOSE}`);
  if (found.length === 1) return found[0]!;
  const expected = candidates.map((format) => formats[format].expected).join("; or ");
  throw new InputError(`${folder} holds no images in a known layout: expected ${expected}`);
}

function inWords({ path, format }: Location): string {
  return `${format} in ${path}`;
}

function bundledFolder(): string {
  const folder = bundledData();
  if (!folder) throw new InputError("the bundled images are missing from this copy of the program: give a folder of your own, or download CIFAR-10");
  return folder;
}

function existingFolder(path: string): string {
  const folder = resolve(path);
  if (!existsSync(folder)) throw new InputError(`${folder} does not exist: expected a folder with images`);
  if (!statSync(folder).isDirectory()) throw new InputError(`${folder} is a file: expected a folder with images`);
  return folder;
}
