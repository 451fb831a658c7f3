/**
 * A comparison that was stopped in the middle, for each test of the file that imports this; and what resuming it must give: the bits of one that was not
 * stopped, or a refusal that changes nothing.
 */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { runFiles } from "../../src-main/runs/files";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, smallRecipe, trainInto } from "./experiment";

useBackend(loadAddon());

export const { path, teacher, remove } = experimentFolder();
export const recipe = smallRecipe(teacher, { epochs: 3 });
/** The folder of the comparison, as it was when it stopped; a new one for each test. */
export const out = path("run");
/** Final weights of control and student in a run that nothing disturbed. */
export let expected: string[];

beforeAll(async () => {
  expect((await trainInto(path("whole"), recipe)).code).toBeNull();
  expected = weightsIn(path("whole"));
  // In the middle of the student's second epoch, so that both arms have a checkpoint at the end of an epoch before it.
  expect((await trainInto(path("stopped"), recipe, { stopAfter: 10 })).code).toBe("INTERRUPTED");
  expect((await trainInto(path("other"), withSeed(4), { stopAfter: 10 })).code).toBe("INTERRUPTED");
});
beforeEach(() => {
  rmSync(out, { recursive: true, force: true });
  cpSync(path("stopped"), out, { recursive: true });
});
afterAll(() => remove());

function withSeed(seed: number): Recipe {
  return { ...recipe, train: { ...recipe.train, seed } };
}

export const arms = ["control", "student"] as const;
const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
export const weightsIn = (folder: string) => arms.map((arm) => hashOf(runFiles(join(folder, arm)).weights));
export const latest = (folder = out, arm = "student") => join(folder, arm, "checkpoint/latest.safetensors");
export const previous = (folder = out, arm = "student") => join(folder, arm, "checkpoint/previous.safetensors");
export const resume = (folder = out, of: Recipe = recipe) => trainInto(folder, of, { resume: true });

export async function expectRefusal(message: RegExp, folder = out): Promise<void> {
  const before = contentOf(folder);
  const { result, code, failure } = await resume(folder);
  expect([result, code]).toEqual([null, "INPUT"]);
  expect(failure).toMatch(message);
  expect(contentOf(folder)).toEqual(before);
}

/** Resumes, and returns what was said. */
export async function expectSameEnd(folder = out): Promise<string[]> {
  const { result, said, failure } = await resume(folder);
  expect(failure).toBeNull();
  expect(result).toMatchObject({ controlled: true });
  expect(weightsIn(folder)).toEqual(expected);
  for (const arm of arms) {
    const run = readRun(join(folder, arm));
    const whole = readRun(join(path("whole"), arm));
    expect(run.batches.map(({ epoch, iter, loss }) => [epoch, iter, loss])).toEqual(whole.batches.map(({ epoch, iter, loss }) => [epoch, iter, loss]));
    expect(run.epochRecords.map(({ testAcc, trainLoss }) => [testAcc, trainLoss])).toEqual(
      whole.epochRecords.map(({ testAcc, trainLoss }) => [testAcc, trainLoss]),
    );
    expect(run.evidenceDamage).toBeNull();
  }
  return said;
}

/** All files with the hashes of their bytes. */
function contentOf(folder: string): [string, string][] {
  return (readdirSync(folder, { recursive: true, withFileTypes: true }) as { name: string; parentPath: string; isFile(): boolean }[])
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((file) => [file, hashOf(file)]);
}

export function changeBytes(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}
