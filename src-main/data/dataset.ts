import type { StoredFormat } from "../contract/data-formats";
import type { Tensor } from "../tensor/tensor";
import type { Fingerprint } from "./fingerprints";
import type { LeftOut } from "./folder/left-out";
import type { SplitPixels } from "./image-source";
import type { ImageStream } from "./image-stream";
import type { Said } from "./said";

/** A data set: its labels, and its images, in memory or read when they are needed. */
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
  /**
   * SHA-256 in hexadecimal of the class names, and for all splits of the labels and the pixels; of images that are read when they are needed, of names and
   * sizes of their files and the content of some, in place of the pixels.
   */
  readonly hash: string;
  /** How the images of a folder without a split were divided; null where there was one. */
  readonly drawn: Drawn | null;
  /** Files of which nothing is used. */
  readonly leftOut: readonly LeftOut[];
  /** What the user should know of the data before anything is trained. */
  readonly said: readonly Said[];
  /** Frees the images' memory. */
  release(): void;
}

/** The test images of a data set alone. */
export type TestData = Pick<Dataset, "path" | "format" | "classes" | "test" | "drawn" | "leftOut" | "said" | "release">;

/** How test images were drawn. */
export interface Drawn {
  /** The share of each class. */
  testShare: number;
  splitSeed: number;
}

export interface Split {
  readonly count: number;
  /** [count], 0 <= label < classes.length, or -1: without a label */
  readonly labels: Int32Array;
  /** u8 [count,H,W,3], R G B; with a stream, those that it holds now. */
  readonly images: Tensor;
  /** [count], of a part of another split: which of its images these are. */
  readonly rows?: Int32Array;
  /** Brings images when they are needed; without it all are held. */
  readonly stream?: ImageStream;
  readonly H: number;
  readonly W: number;
  /** [count], relative to the data's folder, where each image is a file of its own. */
  readonly files?: readonly string[];
  fingerprintOf(n: number): Fingerprint;
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
  pixels: SplitPixels;
  H: number;
  W: number;
  files?: string[];
  fingerprintOf(n: number): Fingerprint;
}
