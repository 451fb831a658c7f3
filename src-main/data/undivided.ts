/** Folders of classes without a split. */
import { join } from "node:path";
import type { DataFormat } from "../contract/data-formats";
import { type Fingerprint, fingerprintOfFile } from "./fingerprints";
import { type FolderListing, listFolder } from "./folder/listing";
import { systemPath } from "./folder/names";
import { locate } from "./locate";

/** Images of a folder that are looked at, spread evenly over all of them. */
const LOOKED_AT = 200;

/** Whether all images of the folder would be test images. */
export async function isUndivided(path: string, format: DataFormat): Promise<boolean> {
  return (await listed(path, format))?.undivided ?? false;
}

/** Whether some of its images are among those that `has` knows; of many, a part is looked at. */
export async function someOf(path: string, format: DataFormat, has: (print: Fingerprint) => boolean): Promise<boolean> {
  const listing = await listed(path, format);
  if (!listing) return false;
  const { folder, test } = listing;
  const step = Math.max(1, test.count / LOOKED_AT);
  for (let at = 0; at < test.count; at += step) if (has(fingerprintOfFile(systemPath(join(folder, test.path(Math.floor(at))))))) return true;
  return false;
}

/** null unless it is an image folder with classes. */
async function listed(path: string, format: DataFormat): Promise<FolderListing | null> {
  const found = locate(path, format);
  return found.format === "image-folder" ? listFolder(found.path, { part: "test", testShare: null, splitSeed: 0 }) : null;
}
