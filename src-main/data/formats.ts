import type { StoredFormat } from "../contract/data-formats";
import { cifar10Binary } from "./formats/cifar10-binary";
import { cifar100Binary } from "./formats/cifar100-binary";
import type { Format } from "./formats/format";
import { imageFolder } from "./formats/image-folder";

/** How each format of contract/data-formats.ts is detected, read and described. */
export const formats: Readonly<Record<StoredFormat, Format>> = {
  "cifar10-binary": cifar10Binary,
  "cifar100-binary": cifar100Binary,
  "image-folder": imageFolder,
};
