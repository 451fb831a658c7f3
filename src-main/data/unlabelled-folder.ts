import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { storedFormats } from "../contract/data-formats";
import { IMAGE_FILE } from "./decode";
import { formats } from "./formats";

/**
 * The images that lie in a folder as they are, sorted by name: without class folders, nothing says what they show. Null if there are none, or if
 * the folder holds labelled images in a known layout.
 */
export function unlabelledImages(folder: string): string[] | null {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory() || storedFormats.some((format) => formats[format].detect(folder) !== null)) return null;
  const images = readdirSync(folder).filter((name) => IMAGE_FILE.test(name) && !name.startsWith("."));
  return images.length === 0 ? null : images.sort().map((name) => join(folder, name));
}
