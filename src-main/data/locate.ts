import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DataFormat } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import { bundledData } from "./assets";

/** Name of the folder in CIFAR-10's archive. */
export const CIFAR10_FOLDER = "cifar-10-batches-bin";

export interface Location {
  /** The folder that holds the files themselves. */
  path: string;
  format: Exclude<DataFormat, "auto">;
}

/** Finds the folder that holds the data and what layout it has. "bundled" is the sample that comes with the program. */
export function locate(path: string, format: DataFormat): Location {
  const folder = path === "bundled" ? bundledFolder() : existingFolder(path);
  if (format !== "image-folder") {
    const cifar10 = [folder, join(folder, CIFAR10_FOLDER)].find((candidate) => existsSync(join(candidate, "data_batch_1.bin")));
    if (cifar10) return { path: cifar10, format: "cifar10-binary" };
  }
  if (format !== "cifar10-binary" && isFolder(join(folder, "train"))) return { path: folder, format: "image-folder" };
  throw new InputError(`${folder} holds no images in a layout that is known: expected ${expected(format)}`);
}

function expected(format: DataFormat): string {
  const cifar10 = `data_batch_1.bin ... and test_batch.bin (CIFAR-10, binary version), in it or in its folder ${CIFAR10_FOLDER}`;
  const imageFolder = "the folders train/<class>/ and test/<class>/ with images";
  return { auto: `${cifar10}; or ${imageFolder}`, "cifar10-binary": cifar10, "image-folder": imageFolder }[format];
}

function bundledFolder(): string {
  const folder = bundledData();
  if (!folder) throw new InputError("the bundled images are missing from this copy of the program: give a folder of your own, or download CIFAR-10");
  return folder;
}

function existingFolder(path: string): string {
  const folder = resolve(path);
  if (!existsSync(folder)) throw new InputError(`${folder} does not exist: expected a folder with images`);
  if (!isFolder(folder)) throw new InputError(`${folder} is a file: expected a folder with images`);
  return folder;
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
