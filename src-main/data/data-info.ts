import type { DataFormat } from "../contract/data-formats";
import type { DataInfo } from "../contract/engine";
import { cifar10Files, pixelsOf, recordsOf } from "./cifar10-binary";
import { encodePng, imageSize, thumbnail } from "./decode";
import { listImageFolder } from "./image-folder";
import { locate } from "./locate";

/** Headers are read of so many images of a folder, taken evenly from all of them. */
const HEADERS_READ = 1000;
/** Side of a thumbnail in pixels; smaller images keep their size. */
const THUMBNAIL = 96;
/** So many examples are named in a warning. */
const EXAMPLES = 5;

type Content = Omit<DataInfo, "path" | "format">;

/**
 * What a data set holds, without decoding all of it: counts by class from the labels or folders, sizes from the headers of up to 1,000
 * images, and the first training images of each class as PNG. Throws an InputError where `openDataset` would, except for images that
 * cannot be read: those that were come across are named in `warnings`.
 */
export async function dataInfo(path: string, format: DataFormat, thumbnailsPerClass: number): Promise<DataInfo> {
  const found = locate(path, format);
  const content = found.format === "cifar10-binary" ? cifar10Info : imageFolderInfo;
  return { ...found, ...(await content(found.path, thumbnailsPerClass)) };
}

async function cifar10Info(folder: string, thumbnailsPerClass: number): Promise<Content> {
  const { classes, ...files } = cifar10Files(folder);
  const train = files.train.flatMap((file) => recordsOf(file, classes));
  const test = files.test.flatMap((file) => recordsOf(file, classes));
  return {
    classes,
    train: counted(train, classes),
    test: counted(test, classes),
    imageSize: { width: 32, height: 32 },
    thumbnails: await Promise.all(
      firstOfEach(classes, train, thumbnailsPerClass).map(async (record) => ({ label: record.label, png: await encodePng(pixelsOf(record)) })),
    ),
    warnings: [],
  };
}

async function imageFolderInfo(folder: string, thumbnailsPerClass: number): Promise<Content> {
  const { classes, train, test, ignored } = listImageFolder(folder);
  const headers = await Promise.allSettled(evenly([...train, ...test], HEADERS_READ).map(imageSize));
  const sizes = fulfilled(headers);
  const broken = headers.flatMap((header) => (header.status === "rejected" ? [String(header.reason.message)] : []));
  const [first] = sizes;
  const same = sizes.every(({ width, height }) => width === first?.width && height === first.height);
  const warnings = [
    ...(broken.length > 0 ? [`Training will refuse this folder. ${examples(broken)}`] : []),
    ...(ignored.length > 0 ? [`Not taken, because not named like images: ${examples(ignored)}`] : []),
    ...(same ? [] : ["The images differ in size: each is resized by its shorter side and cut to a square around its centre."]),
  ];
  return {
    classes,
    train: counted(train, classes),
    test: counted(test, classes),
    imageSize: same && first ? first : null,
    thumbnails: fulfilled(
      await Promise.allSettled(
        firstOfEach(classes, train, thumbnailsPerClass).map(async (file) => ({ label: file.label, png: await thumbnail(file, THUMBNAIL) })),
      ),
    ),
    warnings,
  };
}

function counted(items: readonly { label: number }[], classes: readonly string[]): { count: number; perClass: number[] } {
  const perClass = classes.map(() => 0);
  for (const { label } of items) perClass[label]!++;
  return { count: items.length, perClass };
}

function firstOfEach<T extends { label: number }>(classes: readonly string[], items: readonly T[], count: number): T[] {
  return classes.flatMap((_, label) => items.filter((item) => item.label === label).slice(0, count));
}

/** Up to `count` items at equal distances. */
function evenly<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * step)]!);
}

function fulfilled<T>(results: PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

function examples(texts: string[]): string {
  const more = texts.length - EXAMPLES;
  return `${texts.slice(0, EXAMPLES).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
