/** Which images a run trains on and is tested on, as images.json tells train.py. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, sep } from "node:path";
import type { ResolvedRecipe } from "../../contract/recipe";
import { teachersOf } from "../../contract/recipe-values";
import { need } from "../../data/batches";
import type { Dataset, Split } from "../../data/dataset";
import { binaryRecords } from "../../data/formats/cifar/binary";
import { openDataset } from "../../data/open-dataset";

/** A path below the data's folder with slashes, or the place in CIFAR's files; with the label, -1 for none. */
type Listed = [image: string | number, label: number][];

export interface ImageList {
  train: Listed;
  validation: Listed;
  test: Listed;
}

/** How train.py reads CIFAR's binary version; null of other data. */
export function cifarOf({ format, path }: Dataset) {
  if (!(format in binaryRecords)) return null;
  const { published, labelBytes, label } = binaryRecords[format as keyof typeof binaryRecords];
  const { name, folder, train, test } = published;
  // Of coarse labels, a folder may hold the Python version.
  if (!existsSync(join(path, test))) return null;
  return { name, folder, train, test: [test], labelBytes, label };
}

/** The data of a run, as it read them. */
export function dataOf(recipes: readonly ResolvedRecipe[]): Promise<Dataset> {
  const { data, student, train } = recipes[0]!;
  const sides = [student.imageSize, ...recipes.flatMap(teachersOf).map(({ imageSize }) => imageSize)];
  return openDataset(data, { storeSize: Math.max(...sides), seed: train.seed });
}

export function filesOf({ train, validation, test }: Dataset): ImageList {
  const listed = (split: Split | null): Listed => (split?.files ?? []).map((file, n) => [file.split(sep).join("/"), split!.labels[n]!]);
  return { train: listed(train), validation: listed(validation), test: listed(test) };
}

/** Of CIFAR, where a recipe divides its images: their places, found by their pixels, since a divided split does not keep them. */
export async function placesOf({ data }: ResolvedRecipe, { train, validation }: Dataset): Promise<ImageList> {
  const whole = await openDataset({ path: data.path, format: data.format, trainLimit: data.trainLimit, testLimit: 1 });
  try {
    const places = new Map<string, number>();
    for (const [place, key] of (await keysOf(whole.train)).entries()) if (!places.has(key)) places.set(key, place);
    const listed = async (split: Split | null): Promise<Listed> => (split ? (await keysOf(split)).map((key, n) => [places.get(key)!, split.labels[n]!]) : []);
    return { train: await listed(train), validation: await listed(validation), test: [] };
  } finally {
    whole.release();
  }
}

async function keysOf(split: Split): Promise<string[]> {
  const all = Int32Array.from({ length: split.count }, (_, n) => n);
  await need(split, all);
  const pixels = split.images.toUint8();
  const size = 3 * split.H * split.W;
  return Array.from(all, (n) =>
    createHash("sha1")
      .update(pixels.subarray(n * size, (n + 1) * size))
      .digest("base64"),
  );
}
