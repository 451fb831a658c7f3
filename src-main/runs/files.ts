import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import type { RunNormalization } from "../contract/normalization";
import type { Recipe } from "../contract/recipe";
import type { ArmName, RunHashes } from "../contract/run";

/** Version of the layout of a run folder, written to recipe.json. */
export const SCHEMA = 1;

export const runFiles = (directory: string) => ({
  recipe: join(directory, "recipe.json"),
  batches: join(directory, "batches.csv"),
  epochs: join(directory, "epochs.csv"),
  events: join(directory, "events.jsonl"),
  evidence: join(directory, "evidence.jsonl"),
  checkpoint: join(directory, "checkpoint"),
  weights: join(directory, "student.safetensors"),
});

/** Who trains in a folder of a run, a comparison or a sweep. */
export const lockFile = (directory: string) => join(directory, "lock");

/** The content of recipe.json besides the recipe itself. */
export interface RunStart {
  arm: ArmName;
  recipe: Recipe;
  hashes: RunHashes;
  classes: string[];
  /** Number of the student's trained values. */
  parameters: number;
  /** Missing in runs of earlier versions, which used CIFAR-10's where neither recipe nor weights gave one. */
  normalization?: RunNormalization;
  teacherTestAcc: number | null;
}

export interface RunHeader extends RunStart {
  schema: typeof SCHEMA;
  /** Seed of weights, order and augmentation. */
  seed: number;
}

/** A line of events.jsonl. */
export interface RunEvent {
  /** ISO 8601 */
  time: string;
  type: EventType;
  text?: string;
  /** Counts starts and resumptions from 1; in `started` and `resumed`. */
  segment?: number;
}

export const EVENT_TYPES = ["started", "resumed", "paused", "continued", "checkpoint", "warning", "note", "stopped", "finished", "failed"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Writes a file completely or not at all: to a temporary file beside, synced, then renamed. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`;
  try {
    const file = openSync(partial, "w");
    try {
      // Not writeSync: on a nearly full disk it writes a part and reports success.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw cannotBeWritten(path, cause);
  }
}

/** The system's errors about an open file name no path. */
export function cannotBeWritten(path: string, cause: unknown): InputError {
  return new InputError(`${path} cannot be written (${(cause as Error).message})`, { cause });
}
