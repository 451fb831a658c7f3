import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DownloadName, downloads } from "../contract/data-formats";
import { makeFolder } from "../disk/make-folder";
import { insteadOfInTime } from "../disk/write-beside";
import { syncFolder } from "../disk/write-whole";
import { type FetchOptions, fetchFile, type Remote } from "../download/fetch-file";
import type { Storage } from "./formats/cifar/batch";
import { cifar10Binary, cifar100Binary } from "./formats/cifar/binary";
import { checkComplete } from "./formats/cifar/files";
import { untar } from "./untar";

/** A data set in its authors' archive. */
interface Offer {
  archive: Remote;
  storage: Storage;
}

const SITE = "https://www.cs.toronto.edu/~kriz";
const md5 = (value: string) => ({ algorithm: "md5" as const, value });

const offers: Readonly<Record<DownloadName, Offer>> = {
  cifar10: {
    archive: { url: `${SITE}/cifar-10-binary.tar.gz`, size: downloads.cifar10.bytes, checksum: md5("c32a1d4ab5d03f1284b67883e8d87530") },
    storage: cifar10Binary,
  },
  cifar100: {
    archive: { url: `${SITE}/cifar-100-binary.tar.gz`, size: downloads.cifar100.bytes, checksum: md5("03b5dce01913d631647c71ecec9e9cb8") },
    storage: cifar100Binary,
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
  const { archive, storage } = offers[name];
  const { folder } = storage.published;
  const finished = join(directory, folder);
  if (existsSync(finished)) {
    checkComplete(storage, finished);
    return finished;
  }
  makeFolder(directory);
  const file = join(directory, `${folder}.partial.tar.gz`);
  if (!existsSync(file)) await fetchFile({ ...archive, ...from }, file, options);
  await unpack(file, finished, storage);
  rmSync(file);
  return finished;
}

/** Unpacks and checks the archive in a folder beside, then renames that: the target exists complete or not at all. */
async function unpack(archive: string, finished: string, storage: Storage): Promise<void> {
  await insteadOfInTime(finished, async (folder) => {
    mkdirSync(folder);
    await untar(archive, storage.published.folder, folder);
    checkComplete(storage, folder);
    syncFolder(folder);
  });
}
