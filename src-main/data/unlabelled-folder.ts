import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { storedFormats } from "../contract/data-formats";
import { InputError } from "../contract/failure";
import type { RawSplit } from "./dataset";
import { IMAGE_FILE } from "./decode";
import { NO_LABEL } from "./division";
import { formats } from "./formats";
import type { ReadOptions } from "./formats/format";
import { decodeAll } from "./formats/image-folder";
import { existingFolder } from "./locate";

/**
 * The images in a folder and the folders in it, by path: nothing says what they show. Null if there are none, or if the folder holds labelled
 * images in a known layout.
 */
export function unlabelledImages(folder: string): string[] | null {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory() || storedFormats.some((format) => formats[format].detect(folder) !== null)) return null;
  const images = imagesIn(folder);
  return images.length === 0 ? null : images;
}

/**
 * All images in a folder and the folders in it, by path, without labels: resized by the shorter side to `side` and cropped around the centre, as
 * training images of different sizes are. Names that begin with a dot are skipped. Throws an InputError if there are none, or if one cannot be read.
 */
export async function readUnlabelled(folder: string, side: number, { onProgress, signal }: Pick<ReadOptions, "onProgress" | "signal">): Promise<RawSplit> {
  const files = imagesIn(existingFolder(folder));
  if (files.length === 0) throw new InputError(`${folder} has no images: expected files ending in .png, .jpg, .jpeg or .webp, in it or in folders in it`);
  const images = files.map((path) => ({ path }));
  const pixels = (await decodeAll(images, { side, exact: false, onProgress, signal }))!;
  return { labels: new Int32Array(files.length).fill(NO_LABEL), pixels, H: side, W: side };
}

function imagesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return imagesIn(path);
    return IMAGE_FILE.test(entry.name) ? [path] : [];
  });
}
