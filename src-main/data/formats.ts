import type { StoredFormat } from "../contract/data-formats";
import { cifarFormats } from "./formats/cifar/formats";
import type { Format } from "./formats/format";
import { imageFolder } from "./formats/image-folder";

/** How each format of contract/data-formats.ts is detected, read and described. */
export const formats: Readonly<Record<StoredFormat, Format>> = {
  ...cifarFormats,
  "image-folder": imageFolder,
};
