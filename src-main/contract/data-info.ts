/** What a folder of images holds. */
import type { Concern } from "./concerns";
import type { StoredFormat } from "./data-formats";

/** A file of which nothing is used, or a folder. */
export interface LeftOutFile {
  /** Relative to the data's folder. */
  path: string;
  /** In words. */
  reason: string;
}

export interface DataInfo {
  path: string;
  format: StoredFormat;
  /** Which folders or files hold what, in words. */
  layout: string;
  classes: string[];
  /** Without what is left out. */
  train: { count: number; perClass: number[] };
  /** Of the data set's own; null if it has none. */
  validation: { count: number; perClass: number[] } | null;
  test: { count: number; perClass: number[] };
  /** Stored size of an image in pixels; null if sizes differ. */
  imageSize: { width: number; height: number } | null;
  /** path: the image's file; null if it has none of its own. */
  thumbnails: { label: number; png: Uint8Array; path: string | null }[];
  leftOut: LeftOutFile[];
  /** Images among them that cannot be read, of those that were looked at: a run ends at them unless they are skipped. */
  unreadable: number;
  /** What makes the figures of a run worth less. */
  concerns: Concern[];
  /** All that is said, the texts of concerns among it. */
  warnings: string[];
  /** What was decided for the user, and texts of concerns that are settled or change little. */
  notes: string[];
}
