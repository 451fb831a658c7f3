import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import { naming } from "../disk/open-file";
import { partialOf, putInPlace, syncFolder, writePartial } from "../disk/write-whole";
import { CHECKSUM, Checksum, type Digest } from "../models/checksum";
import { withSafetensors, writeTensors } from "../models/safetensors";
import type { TensorFile } from "../models/tensor-file";
import { readTensors } from "../models/weights";
import type { Position, Trainer } from "./trainer";

/** An intact checkpoint. */
export interface Checkpoint {
  path: string;
  position: Position;
  /** What it says of the run that it belongs to, as given to `writeCheckpoint`; null if an earlier version wrote it. */
  run: string | null;
  /** Of its whole content, position and run included. */
  digest: string;
  /** Why a newer one cannot be used; null if this is the newest. */
  damaged: string | null;
}

/**
 * Writes weights, optimizer state, position and what is to be said of the run to the file `latest.safetensors` in a folder, whose own folder must
 * exist. The checkpoint before is kept as `previous`. It is renamed only when the new one is whole and on the disk.
 */
export function writeCheckpoint(directory: string, trainer: Trainer, run: string | null): void {
  const { latest, partial, previous } = filesIn(directory);
  if (!existsSync(directory)) {
    naming(directory, "written", () => mkdirSync(directory));
    syncFolder(dirname(directory));
  }
  const metadata = { position: JSON.stringify(trainer.position), ...(run !== null && { run }) };
  writePartial(latest, (file) => writeTensors(file, trainer.state(), metadata));
  if (existsSync(latest)) putInPlace(latest, previous);
  putInPlace(partial, latest);
}

/** Removes the earlier checkpoint of a finished run, and an unfinished one: the last one is enough, and they can be large. */
export function removeOlderCheckpoint(directory: string): void {
  const { previous, partial } = filesIn(directory);
  for (const path of [previous, partial]) rmSync(path, { force: true });
}

/** Whether there is a checkpoint in a folder, damaged or not. */
export function hasCheckpoint(directory: string): boolean {
  return Object.values(filesIn(directory)).some(existsSync);
}

/** The files of a folder that bear the names of this program's checkpoints, with unfinished ones and those that were set aside. */
export function checkpointFiles(directory: string): string[] {
  const own = Object.values(filesIn(directory));
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => own.includes(join(directory, name)) || ASIDE.test(name))
    .map((name) => join(directory, name));
}

/**
 * What the newest checkpoint whose beginning can be read says of its run, as in `Checkpoint`, without reading its tensors or checking them; null if
 * there is none.
 */
export function noteOfNewest(directory: string): Pick<Checkpoint, "path" | "run"> | null {
  const { latest, partial, previous } = filesIn(directory);
  for (const path of [latest, partial, previous].filter(existsSync)) {
    try {
      return withSafetensors(path, ({ header: { metadata } }) => ({ path, run: metadata.run ?? null }));
    } catch {
      // `findCheckpoint` says what is wrong with it.
    }
  }
  return null;
}

/** The newest intact checkpoint in a folder; null if there is none. Throws an InputError if there are checkpoints but all are damaged. */
export function findCheckpoint(directory: string): Checkpoint | null {
  const { latest, partial, previous } = filesIn(directory);
  const problems: string[] = [];
  for (const path of [latest, partial, previous].filter(existsSync)) {
    try {
      return { path, ...verified(path), damaged: problems[0] ?? null };
    } catch (error) {
      // A process that dies while it writes leaves an incomplete file, which was never a checkpoint.
      if (path !== partial) problems.push((error as Error).message);
    }
  }
  if (problems.length === 0) return null;
  throw new InputError(`no checkpoint in ${directory} can be used, so the run cannot be resumed; start a new one in another folder. ${problems.join("; ")}`);
}

/**
 * Restores a new trainer of the same recipe from a checkpoint. Throws an InputError, and changes nothing, if its tensors do not fit. Throws one, too,
 * if what was read is not what `findCheckpoint` found: then the trainer must not be used.
 */
export function restore(trainer: Trainer, { path, position, digest: expected }: Checkpoint): void {
  expectWithin(trainer, path, position);
  withSafetensors(path, (file) => {
    expectFloat32(file);
    const digest = digestOf(file);
    readTensors(file, trainer.state(), trainer.student.model.name, digest);
    if (digest.hex() !== expected) throw new InputError(`${path} was changed while it was being read: let nothing else write to it, and resume again`);
  });
  trainer.continueFrom(position);
}

/** A checkpoint that was exported in another precision has lost what the run goes on from. */
function expectFloat32({ path, header }: TensorFile): void {
  const other = [...header.tensors].find(([, { dtype }]) => dtype !== "F32");
  if (!other) return;
  const [name, { dtype }] = other;
  throw new InputError(
    `${path} cannot be continued from: tensor "${name}" is ${dtype} and checkpoints are F32, so it was converted; put this run's own checkpoint back`,
  );
}

/** A position that no training reaches would be trained from for ever. */
function expectWithin(trainer: Trainer, path: string, { epochsDone, batchesDone, optimizerSteps }: Position): void {
  const batches = trainer.batchesIn(epochsDone + 1);
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  if ([epochsDone, batchesDone, optimizerSteps].every(isCount) && batchesDone <= batches) return;
  throw new InputError(`${path} is at batch ${batchesDone} of epoch ${epochsDone + 1}, and that epoch has ${batches} batches: it belongs to another run`);
}

/**
 * Makes a checkpoint that was found the newest of its folder. A damaged newer one is set aside under another name, so that it never takes the place
 * of a good one; returns its new path.
 */
export function makeNewest(directory: string, { path }: Checkpoint): string | null {
  const { latest, partial } = filesIn(directory);
  if (path === latest) return null;
  const aside = existsSync(latest) ? freeName(directory) : null;
  if (aside) putInPlace(latest, aside);
  if (path === partial) putInPlace(partial, latest);
  return aside;
}

/** The names that `freeName` gives. */
const ASIDE = /^damaged(-\d+)?\.safetensors$/;

function freeName(directory: string): string {
  for (let number = 1; ; number++) {
    const path = join(directory, `damaged${number > 1 ? `-${number}` : ""}.safetensors`);
    if (!existsSync(path)) return path;
  }
}

function filesIn(directory: string): { latest: string; partial: string; previous: string } {
  const latest = join(directory, "latest.safetensors");
  // When a process dies between the two renames, the newest is whole and still has this name.
  return { latest, partial: partialOf(latest), previous: join(directory, "previous.safetensors") };
}

function verified(path: string): Pick<Checkpoint, "position" | "run" | "digest"> {
  return withSafetensors(path, (file) => {
    const { position, run = null, [CHECKSUM]: checksum, sha256 } = file.header.metadata;
    const expected = checksum ?? sha256;
    if (!position || !expected) throw new InputError(`${path} is not a checkpoint: it has no position`);
    const digest = digestOf(file);
    file.readAll(digest);
    const found = digest.hex();
    if (found !== expected) throw new InputError(`${path} is damaged: its content does not have the SHA-256 that it was written with`);
    return { position: parseJson(position) as Position, run, digest: found };
  });
}

function digestOf({ header: { metadata } }: TensorFile): Digest {
  return metadata[CHECKSUM] === undefined ? new EarlierDigest(metadata.position ?? "") : new Checksum(metadata);
}

/** Of checkpoints of earlier versions: SHA-256 over position, names and contents, in order. */
class EarlierDigest implements Digest {
  readonly #hash = createHash("sha256");

  constructor(position: string) {
    this.#hash.update(position);
  }

  begin(name: string): void {
    this.#hash.update(name);
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  hex(): string {
    return this.#hash.digest("hex");
  }
}
