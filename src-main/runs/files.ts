import { join } from "node:path";
import type { Arithmetic } from "../contract/arithmetic";
import type { ArmName } from "../contract/arms";
import { InputError } from "../contract/failure";
import type { RunNormalization } from "../contract/normalization";
import type { ResolvedRecipe } from "../contract/recipe";
import type { EpochRecord, RunHashes } from "../contract/run";
import type { SeenImages } from "../contract/seen";

/** Version of the layout of a run folder, written to recipe.json. */
export const SCHEMA = 1;

export const runFiles = (directory: string) => ({
  recipe: join(directory, "recipe.json"),
  batches: join(directory, "batches.csv"),
  epochs: join(directory, "epochs.csv"),
  events: join(directory, "events.jsonl"),
  evidence: join(directory, "evidence.jsonl"),
  checkpoint: join(directory, "checkpoint"),
  predictions: join(directory, "predictions"),
  weights: join(directory, "student.safetensors"),
  best: join(directory, "student-best.safetensors"),
  averaged: join(directory, "student-ema.safetensors"),
  leftOut: leftOutFile(directory),
});

/** Which files of the data are not used; beside the arms of a comparison. */
export const leftOutFile = (directory: string) => join(directory, "left-out.csv");

/** Who trains in a folder of a run, a comparison or a sweep. */
export const lockFile = (directory: string) => join(directory, "lock");

/** What a comparison or a sweep was asked for. */
export const requestFile = (directory: string) => join(directory, "request.json");

/** What a person says of a run. */
export const aboutFile = (directory: string) => join(directory, "about.json");

/** Where deleted runs of a folder of runs lie until they are restored, or deleted for good. */
export const BIN = ".bin";
export const binFolder = (runs: string) => join(runs, BIN);

/** What a search found. */
export const searchFiles = (directory: string) => ({
  search: join(directory, "search.json"),
  report: join(directory, "report.html"),
  bestRecipe: join(directory, "best-recipe.json"),
});

/** The content of recipe.json besides the recipe itself. */
export interface RunStart {
  arm: ArmName;
  recipe: ResolvedRecipe;
  /** What was chosen where the recipe that the run was asked for says "auto", and where it began; missing in runs of earlier versions. */
  arithmetic?: Arithmetic;
  /** That it takes, fewer than the recipe's where `train.batches` ends it; missing in runs of earlier versions. */
  epochs?: number;
  hashes: RunHashes;
  classes: string[];
  /** Number of the student's trained values. */
  parameters: number;
  /** Missing in runs of earlier versions, which used CIFAR-10's where neither recipe nor weights gave one. */
  normalization?: RunNormalization;
  teacherTestAcc: number | null;
  /** What each teacher had seen of the images before; null where its weights do not say. Missing in runs of earlier versions. */
  seen?: (SeenImages | null)[];
}

export interface RunHeader extends RunStart {
  schema: typeof SCHEMA;
  /** Of this run alone, wherever its folder goes; missing in runs of earlier versions. Checkpoints carry it. */
  id?: string;
  /** Seed of weights, order and augmentation. */
  seed: number;
}

/** What a checkpoint says of its run: enough to restore recipe.json and epochs.csv, and to tell a foreign checkpoint. */
export interface RunNote {
  run: RunHeader;
  epochs: EpochRecord[];
}

/** A line of events.jsonl. */
export interface RunEvent {
  /** ISO 8601 */
  time: string;
  type: EventType;
  /** In `started` and `resumed`: by which version, and on what computer. Missing there in runs of earlier versions. */
  text?: string;
  /** Counts starts and resumptions from 1; in `started` and `resumed`. */
  segment?: number;
}

export const EVENT_TYPES = ["started", "resumed", "paused", "continued", "checkpoint", "warning", "note", "stopped", "finished", "failed"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The system's errors about an open file name no path. */
export function cannotBeWritten(path: string, cause: unknown): InputError {
  return new InputError(`${path} cannot be written (${(cause as Error).message})`, { cause });
}
