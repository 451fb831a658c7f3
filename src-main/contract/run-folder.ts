/** What the folder of a run says of it beside its arms: what was asked for, what was found, and what a person says of it. */
import type { SearchRequest, Yardstick } from "./run";
import type { Sample } from "./search-space";
import type { Interval } from "./statistics";

/** What a person says of a run: about.json in its folder. */
export interface RunAbout {
  /** Shown instead of the recipe's name; null: the recipe's. The folder keeps its own. */
  name: string | null;
  /** "" for none. */
  note: string;
  /** Whether other runs are compared with this one. */
  baseline: boolean;
}

export const NOTHING_SAID: RunAbout = { name: null, note: "", baseline: false };

/** In characters. */
export const LONGEST_NAME = 200;
export const LONGEST_NOTE = 10_000;

/** A folder with runs in it: of a run of one model, a comparison, a sweep or a search. */
export interface RunFolder {
  directory: string;
  about: RunAbout;
  /** null where nothing tells: a run of one model, and comparisons of earlier versions. */
  asked: { seeds: number; labels: readonly number[] | null; search: SearchRequest | null } | null;
  /** What the comparison in this folder came to when it was finished; null before, and for other folders. */
  compared: ComparedInBrief | null;
  /** The trials of a search so far; null for other folders. */
  search: SearchInBrief | null;
  /** What cannot be read of it, in words; null if nothing is wrong. */
  problem: string | null;
}

/** Student minus control, of one seed, as comparison.json has it. */
export interface ComparedInBrief {
  difference: number;
  /** Over test images (95 %); null where no predictions were kept. */
  interval: Interval | null;
  testImages: number | null;
  yardstick: Yardstick | null;
  /** Whether the arms were proven to differ in the teacher alone. */
  controlled: boolean;
}

export interface SearchInBrief {
  /** Validation images that judge the trials. */
  images: number;
  trials: { trial: number; directory: string; settings: Sample; valAcc: number | null; valLoss: number | null }[];
}

/** In the folder of a sweep that was trained on a cluster: its jobs. */
export const CLUSTER_FILE = "ray.json";
/** Beside it, while a process follows them. */
export const FOLLOWING_FILE = "ray.lock";

/** Written last into the folder of a comparison, and into that of a run of one model. */
export const END_FILES = ["comparison.json", "student.safetensors"] as const;
