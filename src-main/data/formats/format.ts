import type { DataInfo } from "../../contract/engine";
import type { RawSplit } from "../dataset";

/** One way to store labelled images. */
export interface Format {
  /** What `detect` looks for, to follow the word "expected". */
  readonly expected: string;
  /** The folder that holds the data: the given one, or one in it; null if neither looks like this format. */
  detect(folder: string): string | null;
  /** Decodes both splits, each up to its limit. Throws an InputError that names the file or folder at fault. */
  read(folder: string, limits: Limits, options: ReadOptions): Promise<RawData>;
  /** What the data set holds, without decoding all images. Throws an InputError where `read` would, except for images that cannot be decoded. */
  describe(folder: string, thumbnailsPerClass: number, signal?: AbortSignal): Promise<Description>;
}

/** How many images to take; null: all. */
export interface Limits {
  train: number | null;
  test: number | null;
}

export interface ReadOptions {
  /** Side in pixels to which a format with several image sizes resizes images that are larger or not all of one square size. */
  storeSize: number;
  /** Called while images are being decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Told what the user should know, in words; also later, while images are read that are needed only then. */
  onNote?: (text: string) => void;
  /** Makes reading reject at once with Interrupted, even while an image is being decoded. */
  signal?: AbortSignal;
}

export interface RawData {
  classes: string[];
  train: RawSplit;
  test: RawSplit;
}

export type Description = Omit<DataInfo, "path" | "format">;

// Shared by descriptions.

export function countsOf(items: readonly { label: number }[], classes: readonly string[]): { count: number; perClass: number[] } {
  const perClass = classes.map(() => 0);
  for (const { label } of items) perClass[label]!++;
  return { count: items.length, perClass };
}

export function firstOfEach<T extends { label: number }>(classes: readonly string[], items: readonly T[], count: number): T[] {
  return classes.flatMap((_, label) => items.filter((item) => item.label === label).slice(0, count));
}
