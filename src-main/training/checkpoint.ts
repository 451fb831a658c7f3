import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../contract/failure";
import { bytesOf, readSafetensors, readSafetensorsHeader, writeSafetensors } from "../models/safetensors";
import { loadTensors } from "../models/weights";
import type { Position, Trainer } from "./trainer";

/** An intact checkpoint. */
export interface Checkpoint {
  path: string;
  position: Position;
  /** Why a newer one cannot be used; null if this is the newest. */
  damaged: string | null;
}

/**
 * Writes weights, optimizer state and position to the file `latest.safetensors` in a folder. The previous checkpoint is kept as `previous`,
 * and it remains the valid one until the new one is complete, synced and renamed.
 */
export function writeCheckpoint(directory: string, trainer: Trainer): void {
  const { latest, previous } = filesIn(directory);
  const position = JSON.stringify(trainer.position);
  const digest = createDigest(position);
  for (const [name, tensor] of trainer.state()) digest.add(name, tensor.toFloat32());
  mkdirSync(directory, { recursive: true });
  if (existsSync(latest)) renameSync(latest, previous);
  writeSafetensors(latest, trainer.state(), { position, sha256: digest.hex() });
}

/** Removes the earlier checkpoint of a finished run: the last one is enough, and they can be large. */
export function removeOlderCheckpoint(directory: string): void {
  rmSync(filesIn(directory).previous, { force: true });
}

/** The newest intact checkpoint in a folder; null if there is none. Throws an InputError if there are checkpoints but all are damaged. */
export function findCheckpoint(directory: string): Checkpoint | null {
  const problems: string[] = [];
  for (const path of Object.values(filesIn(directory)).filter(existsSync)) {
    try {
      return { path, position: readVerified(path), damaged: problems[0] ?? null };
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  if (problems.length === 0) return null;
  throw new InputError(`no checkpoint in ${directory} can be used, so the run cannot be resumed; start a new one in another folder. ${problems.join("; ")}`);
}

/** Restores a new trainer of the same recipe from a checkpoint. Throws an InputError if its tensors do not fit. */
export function restore(trainer: Trainer, { path, position }: Checkpoint): void {
  loadTensors(trainer.state(), path, trainer.student.model.name);
  trainer.continueFrom(position);
}

function filesIn(directory: string): { latest: string; previous: string } {
  return { latest: join(directory, "latest.safetensors"), previous: join(directory, "previous.safetensors") };
}

function readVerified(path: string): Position {
  const header = readSafetensorsHeader(path);
  const { position, sha256 } = header.metadata;
  if (!position || !sha256) throw new InputError(`${path} is not a checkpoint: it has no position`);
  const digest = createDigest(position);
  readSafetensors(path, header, header.tensors.keys(), (name, values) => digest.add(name, values));
  if (digest.hex() !== sha256) throw new InputError(`${path} is damaged: its content does not have the SHA-256 that it was written with`);
  return JSON.parse(position) as Position;
}

function createDigest(position: string) {
  const hash = createHash("sha256").update(position);
  return {
    add(name: string, values: Float32Array): void {
      hash.update(name).update(bytesOf(values));
    },
    hex: (): string => hash.digest("hex"),
  };
}
