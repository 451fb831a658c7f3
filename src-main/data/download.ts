import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DownloadName, downloads } from "../contract/data-formats";
import { putInPlace, syncFolder } from "../disk/write-whole";
import { type FetchOptions, fetchFile, type Remote } from "../download/fetch-file";
import { CIFAR10_FOLDER, checkCifar10 } from "./formats/cifar10-binary";
import { CIFAR100_FOLDER, checkCifar100 } from "./formats/cifar100-binary";
import { untar } from "./untar";

/** A data set as its authors publish it. */
interface Published {
  archive: Remote;
  /** The one folder in the archive. */
  folder: string;
  /** Throws an InputError that names a file that the folder lacks or that is truncated. */
  check(folder: string): void;
}

const SITE = "https://www.cs.toronto.edu/~kriz";

const published: Readonly<Record<DownloadName, Published>> = {
  cifar10: {
    archive: {
      url: `${SITE}/cifar-10-binary.tar.gz`,
      size: downloads.cifar10.bytes,
      checksum: { algorithm: "md5", value: "c32a1d4ab5d03f1284b67883e8d87530" },
    },
    folder: CIFAR10_FOLDER,
    check: checkCifar10,
  },
  cifar100: {
    archive: {
      url: `${SITE}/cifar-100-binary.tar.gz`,
      size: downloads.cifar100.bytes,
      checksum: { algorithm: "md5", value: "03b5dce01913d631647c71ecec9e9cb8" },
    },
    folder: CIFAR100_FOLDER,
    check: checkCifar100,
  },
};

export interface DownloadOptions extends FetchOptions {
  /** What differs from the published archive, such as the address of a copy. */
  from?: Partial<Remote>;
}

/**
 * Downloads a data set into a folder, checks and unpacks it, and returns the new folder with its files. Never overwrites anything; a complete
 * folder from before is returned as it is. A download that was stopped or broke off resumes where it ended on the next call. Throws an
 * InputError if the server does not send the expected file, Interrupted if the signal stops it.
 */
export async function downloadData(name: DownloadName, directory: string, { from, ...options }: DownloadOptions = {}): Promise<string> {
  const { archive, folder, check } = published[name];
  const finished = join(directory, folder);
  if (existsSync(finished)) {
    check(finished);
    return finished;
  }
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${folder}.partial.tar.gz`);
  if (!existsSync(file)) await fetchFile({ ...archive, ...from }, file, options);
  await unpack(file, finished, published[name]);
  rmSync(file);
  return finished;
}

/** Unpacks and checks the archive in a folder beside, then renames that: the target exists complete or not at all. */
async function unpack(archive: string, finished: string, { folder, check }: Published): Promise<void> {
  const partial = `${finished}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  await untar(archive, folder, partial);
  check(partial);
  syncFolder(partial);
  putInPlace(partial, finished);
}
