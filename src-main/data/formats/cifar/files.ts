import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../contract/failure";
import type { Storage } from "./batch";
import { filesInWords, type Published } from "./published";

export interface CifarFiles {
  /** Paths of the files that are there, in the order of their numbers. */
  train: string[];
  test: string;
  /** Names of published files of training images that are not there. */
  missing: string[];
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** Whether a folder holds one of the files. */
export function holdsFiles({ published, looksRight }: Storage, folder: string): boolean {
  return [...published.train, published.test].map((name) => join(folder, name)).some((file) => isFile(file) && looksRight(file));
}

/** Finds and checks the files without reading the images. Throws an InputError that names a file of test images that is missing, or any file that is cut short. */
export function cifarFiles(storage: Storage, folder: string): CifarFiles {
  const { published, check } = storage;
  const names = namesOfTrain(published, folder);
  const test = join(folder, published.test);
  if (!isFile(test)) throw new InputError(`${test} is missing: ${inWords(published)}`);
  const train = names.map((name) => join(folder, name));
  for (const file of [...train, test]) check(file);
  return { train, test, missing: published.train.filter((name) => !names.includes(name)) };
}

/** Throws an InputError that names a published file that is missing or cut short. */
export function checkComplete(storage: Storage, folder: string): void {
  const { missing } = cifarFiles(storage, folder);
  if (missing.length > 0) throw new InputError(`${join(folder, missing[0]!)} is missing: ${inWords(storage.published)}`);
}

export const inWords = (published: Published) => `${published.name}'s ${published.version} has ${filesInWords(published)}`;

/** By number. */
function namesOfTrain({ trainNames }: Published, folder: string): string[] {
  const numberIn = (name: string) => Number(trainNames.exec(name)?.[1] ?? 0);
  const names = readdirSync(folder).filter((name) => trainNames.test(name) && isFile(join(folder, name)));
  return names.sort((a, b) => numberIn(a) - numberIn(b));
}
