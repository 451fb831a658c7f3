import { statSync } from "node:fs";
import { join } from "node:path";
import { storedFormats } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import type { RawSplit } from "./dataset";
import { NO_LABEL } from "./division";
import { fingerprintOfFile } from "./fingerprints";
import { filesBelow } from "./folder/class-files";
import { undividedClasses } from "./folder/layout";
import { type LeftOut, leftOutInWords } from "./folder/left-out";
import { shownPath, systemPath } from "./folder/names";
import { formats } from "./formats";
import { readInWords } from "./image-kind";
import { existingFolder } from "./locate";
import type { Said } from "./said";
import { type ReadingFiles, readFiles } from "./store/read-files";

/** Images of which nothing says what they show. */
export interface UnlabelledFiles {
  folder: string;
  /** Below the folder, in the order of `filesBelow`. */
  files: string[];
  leftOut: LeftOut[];
  said: Said[];
}

/**
 * The images in a folder and the folders in it. Null if there are none, or if the folder holds labelled images in a known layout: folders without a split count
 * as that if `areClasses` says so of their names.
 */
export async function unlabelledImages(path: string, areClasses: (folders: readonly string[]) => boolean): Promise<UnlabelledFiles | null> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return null;
  const folders = undividedClasses(path);
  const isLabelled = folders ? areClasses(folders) : storedFormats.some((format) => formats[format].detect(path) !== null);
  if (isLabelled) return null;
  const found = await unlabelledIn(path);
  return found.files.length === 0 ? null : found;
}

async function unlabelledIn(folder: string, signal?: AbortSignal): Promise<UnlabelledFiles> {
  const { files, leftOut } = await filesBelow(folder, "", signal);
  const said = leftOutInWords(files.length, leftOut).map(({ type, text }) => ({ type, text: `${folder}: ${text}` }));
  return { folder, files, leftOut, said };
}

export interface UnlabelledData {
  split: RawSplit;
  /** By their whole paths. */
  leftOut: LeftOut[];
  said: Said[];
}

interface ReadingUnlabelled extends ReadingFiles {
  skipUnreadable: boolean;
}

/**
 * All images in a folder and the folders in it, without labels: resized by the shorter side to `side` and cropped around the centre, as training images of
 * different sizes are. Throws an InputError if there are none, or if one cannot be read.
 */
export async function readUnlabelled(path: string, side: number, { skipUnreadable, ...options }: ReadingUnlabelled): Promise<UnlabelledData> {
  const { folder, files, leftOut, said } = await unlabelledIn(existingFolder(path), options.signal);
  if (files.length === 0) throw new InputError(`${shownPath(folder)} has no images: expected ${readInWords} files in it, or in folders in it`);
  const part = { count: files.length, path: (n: number) => files[n]!, wanted: files.length };
  const read = await readFiles({ folder, parts: [part], side, skipUnreadable }, options);
  const [taken] = read.parts;
  const paths = Array.from(taken!.files, (n) => join(folder, files[n]!));
  const split: RawSplit = {
    labels: new Int32Array(paths.length).fill(NO_LABEL),
    pixels: taken!.pixels,
    H: side,
    W: side,
    files: paths.map(shownPath),
    fingerprintOf: (n) => fingerprintOfFile(systemPath(paths[n]!)),
  };
  return { split, leftOut: [...leftOut, ...read.leftOut].map((each) => ({ ...each, path: join(folder, each.path) })), said: [...said, ...read.said] };
}
