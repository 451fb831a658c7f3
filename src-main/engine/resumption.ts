/** What each arm of a run can resume from, and what stands against it. Only reads the folders. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { armInWords } from "../contract/arms";
import { InputError } from "../contract/failure";
import { parseJson } from "../contract/json";
import type { RunNormalization } from "../contract/normalization";
import type { ResolvedRecipe } from "../contract/recipe";
import { decidingDifference, keyAsWritten, valueAsWritten } from "../contract/recipe-values";
import { withSafetensors } from "../models/safetensors";
import { type RunHeader, type RunNote, runFiles } from "../runs/files";
import { headBy, isInTheWay, noteOf } from "../runs/header";
import { isLeftOver } from "../runs/left-over";
import { readableBatches, readableEvents } from "../runs/reader";
import { type RunPosition, recover } from "../runs/writer";
import { type Checkpoint, findCheckpoint, hasCheckpoint, restore } from "../training/checkpoint";
import { type Arm, writtenKey } from "../training/compare";
import type { Position, Trainer } from "../training/trainer";

/** An arm and its run folder. */
export interface PlacedArm extends Arm {
  recipe: ResolvedRecipe;
  directory: string;
}

/** What an arm's folder holds from an earlier start. */
export interface EarlierRun {
  header: RunHeader;
  /** null if an earlier version started the run. */
  normalization: RunNormalization | null;
  teacherTestAcc: number | null;
  /** null if it ended before its first checkpoint. */
  checkpoint: Checkpoint | null;
  /** What the checkpoint says of its run; null if there is none, or if an earlier version wrote it. */
  note: RunNote | null;
  /** Whether recipe.json cannot be read, so that `header` is what the checkpoint says. */
  isHeaderLost: boolean;
}

/**
 * Throws an InputError if the folder already holds a run, or a file with the name of one: nothing is overwritten, except what is left of a start
 * that never became a run.
 */
export function expectFree({ directory }: PlacedArm): null {
  const files = runFiles(directory);
  if (existsSync(files.recipe) && !isInTheWay(files.recipe))
    throw new InputError(`${directory} already holds a run: choose another folder, or resume that run`);
  const taken = Object.values(files).find((path) => existsSync(path) && !isLeftOver(path));
  if (taken) throw new InputError(`${taken} already exists, and a run in that folder would overwrite it: choose another folder`);
  return null;
}

/**
 * Finds what each arm of a run in the folder `out` can resume from; null for an arm that never began, as when the process died right at the start. Throws
 * an InputError if there is no run, nor what is left of a start, if its recipe differs, or if one arm is gone.
 */
export function findEarlierRuns(out: string, arms: readonly PlacedArm[]): (EarlierRun | null)[] {
  const earlier = arms.map((arm) => (wasBegun(arm.directory) ? findEarlierRun(arm) : expectFree(arm)));
  if (earlier.every((run) => run === null)) for (const directory of [out, ...arms.map(({ directory }) => directory)]) expectStarted(directory);
  expectAll(arms, earlier);
  return earlier;
}

/** Throws an InputError if an arm never began beside one that has a checkpoint: all arms begin before the first is trained, so its folder is gone. */
function expectAll(arms: readonly PlacedArm[], earlier: readonly (EarlierRun | null)[]): void {
  const trained = earlier.findIndex((run) => run?.checkpoint);
  const gone = earlier.indexOf(null);
  if (trained < 0 || gone < 0) return;
  throw new InputError(
    `${arms[gone]!.directory} holds no run, though the ${armInWords(arms[trained]!.name)} beside it has a checkpoint, and both began together: ` +
      "put that folder back (was it moved or renamed?) and resume again, or start the comparison anew in another folder",
  );
}

/** Throws an InputError if a folder has the name of a file that resuming writes. */
function expectNoFolders(directory: string): void {
  const { checkpoint: _, predictions: __, ...files } = runFiles(directory);
  const inTheWay = Object.values(files).find(isInTheWay);
  if (inTheWay) throw new InputError(`${inTheWay} is a folder or a device, where the run has a file: move it away and resume again`);
}

function wasBegun(directory: string): boolean {
  const { recipe, checkpoint } = runFiles(directory);
  return existsSync(recipe) || hasCheckpoint(checkpoint);
}

/** Throws an InputError unless a folder holds nothing but what is left of a start. */
function expectStarted(directory: string): void {
  const others = existsSync(directory) ? readdirSync(directory).filter((name) => !isLeftOver(join(directory, name))) : [];
  if (others.length > 0) throw new InputError(`${directory} holds no run: expected a file recipe.json in it, got ${others.slice(0, 3).join(", ")}`);
}

function findEarlierRun({ name, directory, recipe, own }: PlacedArm): EarlierRun {
  expectNoFolders(directory);
  const checkpoint = findCheckpoint(runFiles(directory).checkpoint);
  const note = checkpoint?.run != null ? noteIn(checkpoint) : null;
  const { header, isLost } = headBy(directory, note);
  if (header.arm !== name)
    throw new InputError(
      header.arm === "single"
        ? `${directory} holds the run of one arm: resume it with the verb train`
        : `${directory} holds the ${armInWords(header.arm)} of a comparison: resume the comparison, with the verb compare and its folder ${dirname(directory)}`,
    );
  if (checkpoint) expectOwn(checkpoint, note, { ...header, arm: name });
  else expectNoneLost(directory);
  const differing = decidingDifference(header.recipe, recipe);
  if (differing) {
    const key = keyAsWritten(differing, header.recipe, recipe);
    const [was, is] = [header.recipe, recipe].map((each) => JSON.stringify(valueAsWritten(key, each) ?? null));
    throw new InputError(
      `the run in ${directory} was started with ${writtenKey({ own }, key)} ${was}, and the recipe now says ${is}: resume it with ${was}, or start a new run in another folder`,
    );
  }
  // A run of an earlier version has no identity until its checkpoints carry one.
  const id = header.id ?? note?.run.id;
  return {
    header: { ...header, ...(id !== undefined && { id }) },
    teacherTestAcc: header.teacherTestAcc,
    normalization: header.normalization ?? null,
    checkpoint,
    note,
    isHeaderLost: isLost,
  };
}

function noteIn({ path, run }: Checkpoint): RunNote {
  try {
    return noteOf(run!);
  } catch (cause) {
    throw new InputError(`${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** Throws an InputError if a checkpoint is that of another run, arm or recipe; what it advises was looked up to help. */
function expectOwn({ path, position }: Checkpoint, note: RunNote | null, run: RunHeader): void {
  const mismatch = mismatchOf(note, position, run);
  if (!mismatch) return;
  const before = join(dirname(path), "previous.safetensors");
  const beforeIs = before === path ? "unusable" : standingOf(before, run);
  const andRecipe = beforeIs === "own, of another recipe" ? " and delete recipe.json, which was changed and which resuming restores," : "";
  const remedies = [
    ...(mismatch.isOwn ? [`if ${runFiles(dirname(dirname(path))).recipe} was changed, delete it: resuming restores it`] : []),
    `${mismatch.isOwn ? "otherwise " : ""}put this run's own checkpoint back`,
    ...(beforeIs === "unusable" || mismatch.isOwn ? [] : [`or move that file away${andRecipe} to go on from the one before, ${before}`]),
  ];
  throw new InputError(`${path} ${mismatch.words}, and this folder holds ${inWords(run)}: ${remedies.join(", ")}`);
}

/** Why a checkpoint cannot be that of a run; null if it can. `isOwn`: whether it is, and recipe.json says something else. */
function mismatchOf(note: RunNote | null, position: Pick<Position, "initialWeights">, run: RunHeader): { words: string; isOwn: boolean } | null {
  const of = (words: string) => ({ words, isOwn: false });
  if (!note) {
    if (run.id !== undefined) return of("does not say which run it belongs to");
    return position.initialWeights === run.hashes.initialWeights ? null : of("belongs to a run with other initial weights");
  }
  const isSame = note.run.arm === run.arm && (run.id === undefined || note.run.id === run.id) && note.run.hashes.initialWeights === run.hashes.initialWeights;
  if (!isSame) return of(`belongs to ${inWords(note.run)}`);
  const differing = decidingDifference(note.run.recipe, run.recipe) ?? (isDeepStrictEqual(note.run.arithmetic, run.arithmetic) ? null : "arithmetic");
  return differing ? { words: `belongs to a run with another ${differing}`, isOwn: true } : null;
}

/** What the beginning of a checkpoint says about going on from it. */
function standingOf(path: string, run: RunHeader): "own" | "own, of another recipe" | "unusable" {
  try {
    const { position, run: note } = withSafetensors(path, ({ header }) => header.metadata);
    const mismatch = mismatchOf(note === undefined ? null : noteOf(note), parseJson(position ?? "") as Position, run);
    if (!mismatch) return "own";
    return mismatch.isOwn ? "own, of another recipe" : "unusable";
  } catch {
    return "unusable";
  }
}

function inWords({ arm, recipe, id }: RunHeader): string {
  return `the ${armInWords(arm)} of the run "${recipe.name}" (seed ${recipe.train.seed}, ${id ? `identity ${id}` : "of an earlier version"})`;
}

/** Throws an InputError if a run without checkpoints tells of one: starting over would lose what it did, and belongs to a person to decide. */
function expectNoneLost(directory: string): void {
  const { checkpoint, batches } = runFiles(directory);
  const last = readableEvents(directory)
    .records.filter(({ type }) => type === "checkpoint")
    .at(-1);
  if (!last) return;
  throw new InputError(
    `${checkpoint} holds no checkpoint, though one was written at ${last.time}: without it, the ${readableBatches(directory).records.length} batches in ${batches} ` +
      "cannot be continued. Put the folder back and resume again, or start the run anew in another folder",
  );
}

/**
 * Restores a trainer to where its run stopped; only reads the folder. Throws an InputError if the run began with other data, another teacher
 * or other initial weights, or if its files are damaged; the trainer must not be used then.
 */
export function returnTo({ directory }: PlacedArm, trainer: Trainer, { header: { hashes, classes }, checkpoint, note }: EarlierRun): void {
  const was = (what: string, remedy: string) => new InputError(`the run in ${directory} was started ${what}: resume it with ${remedy}`);
  const renamed = differenceInWords(classes, trainer.data.classes);
  if (renamed) throw was(`on images of other classes (${renamed})`, "the data that it began with, or give the classes their names back");
  if (hashes.data !== trainer.hashes.data) throw was("on other images", "the data that it began with");
  if (hashes.teacher !== trainer.hashes.teacher) throw was("with another teacher's weights", "those");
  if (checkpoint) restore(trainer, checkpoint);
  else if (hashes.initialWeights !== trainer.hashes.initialWeights) throw was("from other initial weights", "those");
  recover(directory, positionOf(trainer), note?.epochs ?? null);
}

/** null if the names are the same; their order is that of the data's hash. */
function differenceInWords(before: readonly string[], now: readonly string[]): string | null {
  const parts = [
    ["missing now", before.filter((name) => !now.includes(name))],
    ["new", now.filter((name) => !before.includes(name))],
  ] as const;
  const said = parts
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what}: ${names.slice(0, 5).join(", ")}${names.length > 5 ? " ..." : ""}`);
  return said.length > 0 ? said.join("; ") : null;
}

/** How far a trainer is, as its run folder counts. */
export function positionOf(trainer: Trainer): RunPosition {
  const { epochsDone, batchesDone } = trainer.position;
  const batches = trainer.batchesDone;
  if (batchesDone > 0) return { epoch: epochsDone + 1, iter: batchesDone, batches, epochsDone };
  return { epoch: epochsDone, iter: epochsDone === 0 ? 0 : trainer.batchesIn(epochsDone), batches, epochsDone };
}
