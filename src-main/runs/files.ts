import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
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

/** What recipe.json says beside the recipe itself. */
export interface RunStart {
  arm: ArmName;
  recipe: Recipe;
  hashes: RunHashes;
  classes: string[];
  /** Trained values of the student. */
  parameters: number;
  teacherTestAcc: number | null;
}

export interface RunHeader extends RunStart {
  schema: typeof SCHEMA;
  /** Of weights, order and augmentation. */
  seed: number;
}

/** A line of events.jsonl. */
export interface RunEvent {
  /** ISO 8601 */
  time: string;
  type: EventType;
  text?: string;
  /** Of the process that trains: with started and resumed. */
  pid?: number;
  /** Counts from 1 at every start or resumption: with started and resumed. */
  segment?: number;
}

export const EVENT_TYPES = ["started", "resumed", "paused", "continued", "checkpoint", "warning", "stopped", "finished", "failed"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Whole or not at all: written beside, synced, then renamed. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`;
  try {
    const file = openSync(partial, "w");
    try {
      // Not writeSync: where a disk is nearly full, that writes a part and calls it a success.
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

/** What the system refuses of an open file names no path. */
export function cannotBeWritten(path: string, cause: unknown): InputError {
  return new InputError(`${path} cannot be written (${(cause as Error).message})`, { cause });
}
