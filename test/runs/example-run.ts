import { existsSync, mkdirSync } from "node:fs";
import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { presetOf } from "../../src-main/contract/presets";
import type { BatchEvidence, BatchRecord, EpochRecord } from "../../src-main/contract/run";
import { lockFile, type RunStart } from "../../src-main/runs/files";
import { FolderLock } from "../../src-main/runs/lock";
import { createRun, type RunPosition, type RunWriter, resumeRun } from "../../src-main/runs/writer";
import { linkOf } from "../../src-main/training/evidence";

const recipe = resolveArithmetic(presetOf("demo").recipe, EARLIER);

export const start: RunStart = {
  arm: "single",
  recipe: { ...recipe, train: { ...recipe.train, epochs: 12 } },
  hashes: { data: "d0", initialWeights: "w0", batches: "", teacher: "t0" },
  classes: ["cat", "dog"],
  normalization: { student: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }, teacher: null },
  parameters: 1234,
  teacherTestAcc: 0.9,
};

/** Values that survive a round trip only if no decimal digit is cut. */
export function batch(epoch: number, iter: number): BatchRecord {
  const done = 4 * (epoch - 1) + iter;
  return {
    epoch,
    iter,
    loss: Math.fround(2 / done),
    parts: { ce: 1 / done, kd: 0.1 + 0.2 },
    trainAcc: 1 - 1 / (1 + done),
    lr: 1e-3 / 3,
    imagesPerSecond: 100 / 7,
    chain: linkOfBatch(done),
  };
}

export const PARTS = ["ce", "kd"];

/** With epochs of four batches. */
export function evidence({ epoch, iter, chain }: BatchRecord): BatchEvidence {
  return { batch: 4 * (epoch - 1) + iter, chain: chain!, ...SHOWN, teacher: null };
}

const SHOWN = { plan: "plan", pixels: "pixels", targets: "targets" };
const links = [""];
function linkOfBatch(batch: number): string {
  while (links.length <= batch) links.push(linkOf(links.at(-1)!, SHOWN));
  return links[batch]!;
}

export function epoch(epoch: number, testAcc: number | null = 0.5 + epoch / 100): EpochRecord {
  const others = { emaAcc: null, emaLoss: null, valAcc: null, valLoss: null };
  return { epoch, trainLoss: 1 / epoch, trainAcc: epoch / 13, testAcc, testLoss: testAcc === null ? null : 1 / 3, seconds: 2.5, ...others };
}

/** Tests write into a folder that nobody else knows. */
export const UNLOCKED = "";

/** Epochs of four batches each. */
export function train(run: RunWriter, epochs: number): void {
  for (let e = 1; e <= epochs; e++) {
    const records = [1, 2, 3, 4].map((iter) => batch(e, iter));
    run.appendBatches(records);
    for (const record of records) run.appendEvidence(evidence(record));
    run.appendEpoch(epoch(e));
  }
}

/** A run in a folder of its own, as `createRun` starts it. */
export function begun(directory: string, more: Partial<RunStart> = {}): RunWriter {
  return createRun(directory, locked(directory), { ...start, ...more }, PARTS);
}

/** As `resumeRun` resumes it, with epochs of four batches. */
export function resumed(directory: string, position: Omit<RunPosition, "batches">): RunWriter {
  const batches = position.epoch === 0 ? 0 : 4 * (position.epoch - 1) + position.iter;
  return resumeRun(directory, locked(directory), { ...position, batches }, PARTS).writer;
}

const locks = new Map<string, FolderLock>();

/** The identity of this process's lock on the folder. */
function locked(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const lock = existsSync(lockFile(directory)) ? locks.get(directory) : undefined;
  if (lock) return lock.identity;
  const taken = FolderLock.take(directory, { program: "command line", run: "example", socket: null, token: "" });
  locks.set(directory, taken);
  return taken.identity;
}

/** As when the process that trained it is gone. */
export function unlock(directory: string): void {
  locks.get(directory)!.release();
  locks.delete(directory);
}

export function finishedRun(directory: string, more: Partial<RunStart> = {}, epochs = 2): string {
  const run = begun(directory, more);
  train(run, epochs);
  run.event("finished");
  run.close();
  unlock(directory);
  return directory;
}
