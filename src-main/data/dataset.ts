import type { StoredFormat } from "../contract/data-formats";
import type { Tensor } from "../tensor/tensor";
import type { LeftOut } from "./folder/left-out";
import type { Said } from "./said";

/** A whole data set in memory, decoded. */
export interface Dataset {
  /** The folder that was read, with "bundled" resolved. */
  readonly path: string;
  readonly format: StoredFormat;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** Labelled images first. */
  readonly train: Split;
  /** Number of labelled images in `train`. */
  readonly labelled: number;
  /** Training images that were held back; null if none were. */
  readonly validation: Split | null;
  readonly test: Split;
  /** SHA-256 of the class names, labels and pixels of all splits as held in memory, in hexadecimal. */
  readonly hash: string;
  /** Files of which nothing is used. */
  readonly leftOut: readonly LeftOut[];
  /** What the user should know of the data before anything is trained. */
  readonly said: readonly Said[];
  /** Frees the images' memory. */
  release(): void;
}

/** The test images of a data set alone. */
export type TestData = Pick<Dataset, "path" | "format" | "classes" | "test" | "leftOut" | "said" | "release">;

export interface Split {
  readonly count: number;
  /** [count], 0 <= label < classes.length, or -1: without a label */
  readonly labels: Int32Array;
  /** u8 [count,H,W,3], R G B */
  readonly images: Tensor;
  readonly H: number;
  readonly W: number;
  /** [count], relative to the data's folder, where each image is a file of its own. */
  readonly files?: readonly string[];
}

/** One decoded image. */
export interface Pixels {
  /** [H,W,3], R G B */
  data: Uint8Array;
  H: number;
  W: number;
}

/** A split while it is being read, on the JavaScript side. */
export interface RawSplit {
  labels: Int32Array;
  /** [count,H,W,3] */
  pixels: Uint8Array;
  H: number;
  W: number;
  files?: string[];
}
