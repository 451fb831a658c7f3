import { join } from "node:path";
import { InputError } from "../contract/failure";
import { DECODED_AT_ONCE, imageSize } from "./decode";
import type { LeftOut } from "./folder/left-out";
import type { FolderListing, ListedSplit } from "./folder/listing";
import { checkStop } from "./stop";
import { UnreadableImage } from "./unreadable";

/**
 * The listing without images whose shorter side has fewer pixels, by their headers; those that cannot be read stay, as others tell of them. Throws an InputError if
 * a class has no training images left.
 */
export async function largeImages(listing: FolderListing, smallestSide: number, signal?: AbortSignal): Promise<FolderListing> {
  const leftOut = [...listing.leftOut];
  const largeOf = async (split: ListedSplit | null) => (split ? withRows(split, await largeRows(listing.folder, split, smallestSide, leftOut, signal)) : null);
  const [train, validation, test] = [await largeOf(listing.train), await largeOf(listing.validation), await largeOf(listing.test)];
  const left = new Set(train?.labels);
  const lost = train ? listing.classes.filter((_, label) => !left.has(label)) : [];
  if (lost.length > 0)
    throw new InputError(
      `data.smallestSide: none of the training images of ${lost.map((name) => `"${name}"`).join(", ")} is as large as ${smallestSide} pixels: set it lower, or to null`,
    );
  return { ...listing, train, validation, test: test!, leftOut };
}

async function largeRows(folder: string, { count, path }: ListedSplit, smallestSide: number, leftOut: LeftOut[], signal?: AbortSignal): Promise<number[]> {
  const rows: number[] = [];
  for (let begin = 0; begin < count; begin += DECODED_AT_ONCE) {
    checkStop(signal);
    const those = Array.from({ length: Math.min(DECODED_AT_ONCE, count - begin) }, (_, i) => begin + i);
    const sides = await Promise.all(those.map((n) => shorterSide(join(folder, path(n)), signal)));
    for (const [i, side] of sides.entries()) {
      if (side === null || side >= smallestSide) rows.push(those[i]!);
      else leftOut.push({ path: path(those[i]!), reason: "tiny", detail: `its shorter side has ${side} pixels` });
    }
  }
  return rows;
}

/** null if the image cannot be read. */
async function shorterSide(path: string, signal?: AbortSignal): Promise<number | null> {
  try {
    const { width, height } = await imageSize({ path }, { signal });
    return Math.min(width, height);
  } catch (error) {
    if (error instanceof UnreadableImage) return null;
    throw error;
  }
}

/** Some of the images, in this order. */
export function withRows({ labels, path }: ListedSplit, rows: readonly number[]): ListedSplit {
  return { count: rows.length, labels: Int32Array.from(rows, (row) => labels[row]!), path: (n) => path(rows[n]!) };
}
