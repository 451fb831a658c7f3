import type { DataSource } from "../../contract/recipe";
import type { FoundConcern } from "../concerns";
import type { RawSplit } from "../dataset";
import type { LeftOut } from "../folder/left-out";
import type { Said } from "../said";
import type { SkipSettings } from "../same-concerns";
import type { Place, SamePictures } from "../same-pictures";

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
  describe(folder: string, options: DescribeOptions): Promise<Description>;
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
  /** Images whose shorter side has fewer pixels are left out, where each is a file; null: none. */
  smallestSide: number | null;
}

export interface DescribeOptions {
  selection: Selection;
  /** What a recipe says of images that are left out. */
  skips: SkipSettings & Partial<Pick<DataSource, "skipUnreadable">>;
  signal?: AbortSignal;
}

export interface ReadOptions {
  selection: Selection;
  /** Which equal pictures are to be left out of training: whoever reads looks at as many files as that takes. */
  skips: SkipSettings;
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
  /** Files that are not used; left out if there are none. */
  leftOut?: readonly LeftOut[];
  said?: readonly Said[];
  /** Equal files; left out where the pixels are at hand to be compared. */
  same?: SamePictures;
  /** Whether the first images are one of each class in turn. */
  inTurn?: boolean;
  /** Whether the test images are a share of all. */
  undivided?: boolean;
}

/** What a data set holds, before anything is left out of training. */
export interface Description {
  /** The layout that was found, in words. */
  layout: string;
  undivided: boolean;
  inTurn: boolean;
  classes: string[];
  /** By image; validation: null where the data set has none of its own. */
  labels: { training: Int32Array; validation: Int32Array | null; test: Int32Array };
  imageSize: { width: number; height: number } | null;
  /** null: there are too many to compare, which `said` tells. */
  same: SamePictures | null;
  concerns: FoundConcern[];
  leftOut: readonly LeftOut[];
  said: readonly Said[];
  /** A small PNG; null if the image cannot be read. */
  thumbnailOf(place: Place): Promise<Uint8Array | null>;
  /** null if the image has no file of its own. */
  fileOf(place: Place): string | null;
}
