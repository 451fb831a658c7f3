import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DownloadName, downloads } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import { makeFolder } from "../disk/make-folder";
import { OpenFile, withFile } from "../disk/open-file";
import { type TarEntry, untar } from "../disk/untar";
import { insteadOfInTime } from "../disk/write-beside";
import { syncFolder } from "../disk/write-whole";
import { type FetchOptions, fetchFile, type Remote } from "../download/fetch-file";
import type { Storage } from "./formats/cifar/batch";
import { cifar10Binary, cifar100Binary } from "./formats/cifar/binary";
import { checkComplete } from "./formats/cifar/files";

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
    await untar(archive, (entry) => placeOf(entry, archive, storage.published.folder, folder));
    checkComplete(storage, folder);
    syncAll(folder);
  });
}

/** The archive holds its folder, and in that files with plain names: anything else, such as links and paths that lead out, is refused. */
function placeOf({ name, kind, type }: TarEntry, archive: string, inside: string, into: string): string | null {
  if (kind === "folder" && name === `${inside}/`) return null;
  const plain = name.startsWith(`${inside}/`) ? /^\w[\w.-]*$/.exec(name.slice(inside.length + 1))?.[0] : undefined;
  if (kind === "file" && plain) return join(into, plain);
  throw new InputError(`${archive} holds "${name}" (type ${type}): expected plain files in ${inside} alone`);
}

/** After a power loss, its files are whole. */
function syncAll(folder: string): void {
  for (const name of readdirSync(folder)) withFile(new OpenFile(join(folder, name), "a"), (file) => file.sync());
  syncFolder(folder);
}
