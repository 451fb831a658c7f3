import type { DataFormat } from "../contract/data-formats";
import type { DataInfo } from "../contract/engine";
import { formats } from "./formats";
import { expectThere, readingFolder } from "./locate";

/**
 * What a data set holds, without decoding all of it: counts by class, sizes, and the first training images of each class as PNG. Throws an
 * InputError where `openDataset` would, except for unreadable images: those that it meets are named in `warnings`. Throws Interrupted as soon as the signal is
 * given.
 */
export async function dataInfo(path: string, format: DataFormat, thumbnailsPerClass: number, signal?: AbortSignal): Promise<DataInfo> {
  return readingFolder(path, format, async (found) => {
    const description = await formats[found.format].describe(found.path, thumbnailsPerClass, signal);
    // Unreadable images alone are no error here.
    expectThere(found);
    return { ...found, ...description };
  });
}
