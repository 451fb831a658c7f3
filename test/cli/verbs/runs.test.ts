import { describe, expect, it } from "vitest";
import { summarize } from "../../../src-main/contract/comparison";
import { InputError } from "../../../src-main/contract/failure";
import type { RunSummary } from "../../../src-main/contract/run";
import { summary } from "../../contract/run-summary";
import { runWith } from "../fake-engine";

const run = (values: Partial<RunSummary>) => summary("single", { directory: "/nowhere/runs/a", name: "a", ...values });

describe("a run that is damaged", () => {
  const damage = "/nowhere/runs/b/recipe.json is empty, as after a power loss, and no checkpoint tells what it held";
  const listRuns = () => [run({}), run({ directory: "/nowhere/runs/b", name: "b", epochs: 0, testAcc: null, damage, recipe: null })];

  it("is listed, and what is damaged", async () => {
    const { status, out } = await runWith({ listRuns }, ["runs", "list"]);
    expect(status).toBe(0);
    expect(out).toMatch(/runs\/a +a +finished +2\/2 +fp32 +50\.0 %\n/);
    expect(out).toMatch(/runs\/b +b +finished, damaged +2\/\? +\?\n/);
    expect(out).toContain(`\ndamaged: runs/b: ${damage}\n`);
  });

  it("is shown as far as it can be read", async () => {
    const readRun = () => Promise.reject(new InputError(damage));
    const { status, out } = await runWith({ listRuns: () => listRuns().slice(1), readRun }, ["runs", "show", "runs/b"]);
    expect(status).toBe(0);
    expect(out).toContain(`runs/b\n  name     b\n  state    finished, damaged\n  damaged  ${damage}\n`);
  });
});

it("a run that ended before its first checkpoint is listed as one that begins anew", async () => {
  const { out } = await runWith({ listRuns: () => [run({ state: "stopped", beginsAnew: true, epochsDone: 0, testAcc: null })] }, ["runs", "list"]);
  expect(out).toMatch(/a +stopped, no checkpoint yet, resuming begins anew +0\/2 +fp32\n/);
});

it("a folder that is not there is named as such", async () => {
  const { status, out } = await runWith({ listRuns: () => [] }, ["runs", "list", "no-such-folder"]);
  expect([status, out]).toEqual([0, "no-such-folder: no runs, as there is no such folder\n"]);
});

it("a sweep without one of its seeds says so beside its result", async () => {
  const sweep = { directory: "/nowhere/runs/s", first: 0, seeds: 3 };
  const listRuns = () => [0, 2].map((seed) => summary("control", { directory: `/nowhere/runs/s/seed-${seed}/control`, damage: "damaged", sweep }));
  const arm = (testAcc: number) => ({ trainAcc: 0.5, testAcc, agreement: null, divergence: null, calibrationError: null });
  const compared = (seed: number) => ({
    ...{ seed, control: arm(0.4), student: arm(0.5), sameImages: null, difference: 0.1, interval: null },
    ...{ seconds: 1, testImages: null, yardstick: null },
  });
  const comparison = () => ({ ...summarize([compared(0), compared(2)]), controlled: true });
  const readRun = () => Promise.reject(new InputError("damaged"));
  const aboutRun = () => ({ name: null, note: "", baseline: false });
  const { out } = await runWith({ listRuns, comparison, readRun, aboutRun, listFolders: () => [], listMade: () => [] }, ["runs", "show", "runs/s"]);
  expect(out).toContain("Not all of the 3 seeds that were asked for are in this result: seed 1 is missing, deleted or not finished.\n");
});
