import type { DataFormat } from "../contract/data-formats";
import type { DataInfo } from "../contract/engine";
import { formats } from "./formats";
import { locate } from "./locate";

/**
 * What a data set holds, without decoding all of it: counts by class, sizes, and the first training images of each class as PNG. Throws an
 * InputError where `openDataset` would, except for unreadable images: those that it meets are named in `warnings`.
 */
export async function dataInfo(path: string, format: DataFormat, thumbnailsPerClass: number): Promise<DataInfo> {
  const found = locate(path, format);
  return { ...found, ...(await formats[found.format].describe(found.path, thumbnailsPerClass)) };
}
