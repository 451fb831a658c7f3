import type { DataInfo } from "../../contract/engine";
import type { Drawn, RawSplit } from "../dataset";
import type { LeftOut } from "../folder/left-out";
import type { Said } from "../said";

/** One way to store labelled images. */
export interface Format {
  /** What `detect` looks for, to follow the word "expected". */
  readonly expected: string;
  /** The folder that holds the data: the given one, or one in it; null if neither looks like this format. */
  detect(folder: string): string | null;
  /** Of a folder that is none of this format: what is wrong with it, if it is close to one. */
  nearMiss?(folder: string): string | null;
  /** Decodes the splits, train and test each up to its limit. Throws an InputError that names the file or folder at fault. */
  read(folder: string, limits: Limits, options: ReadOptions): Promise<RawData>;
  /** What the data set holds, without decoding all images. Throws an InputError where `read` would, except for images that cannot be decoded. */
  describe(folder: string, thumbnailsPerClass: number, selection: Selection, signal?: AbortSignal): Promise<Description>;
}

/** How many images to take; null: all. */
export interface Limits {
  train: number | null;
  test: number | null;
}

/** Which images are wanted, where the data set leaves a choice. */
export interface Selection {
  /** all: what training needs. test: only the test images, of whichever classes there are. found: whatever there is. */
  part: "all" | "test" | "found";
  /** Where there is no split: share of each class that becomes test images; null: all images are test images. */
  testShare: number | null;
  /** Chooses those. */
  splitSeed: number;
}

export interface ReadOptions {
  selection: Selection;
  /** Side in pixels to which a format with several image sizes resizes images that are larger or not all of one square size. */
  storeSize: number;
  /** Go on without images that cannot be read. */
  skipUnreadable: boolean;
  /** Called while images are being decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Decoded images of at most so many bytes are read now, others when they are needed. Default: 256 MB. */
  heldBytes?: number;
  /** Told what the user should know, in words; also later, while images are read that are needed only then. */
  onNote?: (text: string) => void;
  /** Makes reading reject at once with Interrupted, even while an image is being decoded. */
  signal?: AbortSignal;
}

export interface RawData {
  classes: string[];
  /** null where only the test images were asked for. */
  train: RawSplit | null;
  /** Of the data set's own, if it has some. */
  validation?: RawSplit | null;
  test: RawSplit;
  /** How the images of a folder without a split were divided; left out where there was one. */
  drawn?: Drawn | null;
  /** Files that are not used; left out if there are none. */
  leftOut?: readonly LeftOut[];
  said?: readonly Said[];
}

export interface Description extends Omit<DataInfo, "path" | "format" | "validation" | "leftOut" | "unreadable" | "warnings" | "notes"> {
  validation?: DataInfo["validation"];
  leftOut?: readonly LeftOut[];
  said?: readonly Said[];
}

// Shared by descriptions.

export function countsOf(items: readonly { label: number }[], classes: readonly string[]): { count: number; perClass: number[] } {
  const perClass = classes.map(() => 0);
  for (const { label } of items) perClass[label]!++;
  return { count: items.length, perClass };
}

export function firstOfEach<T extends { label: number }>(classes: readonly string[], items: readonly T[], count: number): T[] {
  return classes.flatMap((_, label) => items.filter((item) => item.label === label).slice(0, count));
}
