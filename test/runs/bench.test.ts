/** What makes the folders of runs a bench of recipes: names and notes, the bin, and what folders say beside their runs. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { moveToBin, restoreFromBin } from "../../src-main/runs/bin";
import { deleteRun } from "../../src-main/runs/delete";
import { describeRun, listFolders } from "../../src-main/runs/folders";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { finishedRun } from "./example-run";

useBackend(loadAddon());

let runs: string;
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), "distill-bench-"));
});
afterEach(() => rmSync(runs, { recursive: true }));

const at = (...names: string[]) => join(runs, ...names);
const names = () => listRuns(runs).map(({ name }) => name);

describe("what a person says of a run", () => {
  test("is its name in lists, of all runs in its folder; the folder and the recipe keep theirs, and the run stays whole", () => {
    finishedRun(at("sweep", "seed-0", "control"));
    finishedRun(at("alone"));
    describeRun(at("sweep"), { name: "  warmer  ", note: "T 8" });
    expect(names().sort()).toEqual(["demo", "warmer"]);
    expect(readRun(at("sweep", "seed-0", "control"))).toMatchObject({ damage: null, evidenceDamage: null, recipe: { name: "demo" } });
    expect(listFolders(runs)).toMatchObject([{ directory: at("sweep"), about: { name: "warmer", note: "T 8", baseline: false }, problem: null }]);
  });

  test("stays where only a part of it is said anew, and leaves no file once it is nothing", () => {
    finishedRun(at("alone"));
    describeRun(at("alone"), { name: "first", note: "short" });
    expect(describeRun(at("alone"), { baseline: true })).toEqual({ name: "first", note: "short", baseline: true });
    describeRun(at("alone"), { name: "", note: " ", baseline: false });
    expect(existsSync(at("alone", "about.json"))).toBe(false);
    expect(names()).toEqual(["demo"]);
  });

  test("that cannot be read is said, and hides no run", () => {
    finishedRun(at("alone"));
    writeFileSync(at("alone", "about.json"), "{");
    expect(names()).toEqual(["demo"]);
    expect(listFolders(runs)[0]!.problem).toMatch(/about\.json cannot be used: .*mend it, or delete it/s);
    expect(() => describeRun(at("alone"), { note: "new" })).toThrow("about.json cannot be used");
    expect(readFileSync(at("alone", "about.json"), "utf8")).toBe("{");
  });

  test("is refused where there is no run, and goes with the run when it is deleted for good", () => {
    mkdirSync(at("empty"));
    expect(() => describeRun(at("empty"), { note: "x" })).toThrow("holds no run");
    finishedRun(at("alone"));
    describeRun(at("alone"), { note: "x" });
    expect(deleteRun(at("alone"))).toEqual({ deleted: 1, kept: [] });
    expect(existsSync(at("alone"))).toBe(false);
  });
});

describe("the bin", () => {
  test("takes a run with all that is in its folder, out of the lists, and gives it back to its place", () => {
    finishedRun(at("sweep", "seed-1", "control"));
    writeFileSync(at("sweep", "seed-1", "mine.txt"), "mine");
    expect(moveToBin(at("sweep", "seed-1"), runs)).toBe(at(".bin", "sweep", "seed-1"));
    expect([names(), listFolders(runs)]).toEqual([[], []]);
    expect(listRuns(at(".bin"))).toHaveLength(1);
    expect(restoreFromBin(at(".bin", "sweep", "seed-1"), runs)).toBe(at("sweep", "seed-1"));
    expect(readdirSync(at("sweep", "seed-1")).sort()).toEqual(["control", "mine.txt"]);
    expect(readdirSync(runs)).toEqual(["sweep"]);
  });

  test("loses nothing where a name is taken, neither in it nor on the way back", () => {
    finishedRun(at("first"));
    moveToBin(at("first"), runs);
    finishedRun(at("first"));
    expect(moveToBin(at("first"), runs)).toBe(at(".bin", "first-2"));
    finishedRun(at("first"));
    expect(restoreFromBin(at(".bin", "first"), runs)).toBe(at("first-2"));
    expect(names()).toHaveLength(2);
  });

  test("takes no run that is being trained, nothing that is no run, and nothing from elsewhere", () => {
    finishedRun(at("busy"));
    writeFileSync(at("busy", "lock"), JSON.stringify({ ...OTHER_HOST }));
    expect(() => moveToBin(at("busy"), runs)).toThrow(/is being trained by process 7 on elsewhere: stop it/);
    mkdirSync(at("empty"));
    expect(() => moveToBin(at("empty"), runs)).toThrow("holds no run");
    expect(() => moveToBin(tmpdir(), runs)).toThrow("is not in");
    expect(() => restoreFromBin(at("busy"), runs)).toThrow("is not in the bin");
  });
});

/** A lock of a process of which this computer cannot tell whether it is still there. */
const OTHER_HOST = {
  pid: 7,
  program: "app",
  since: "2026-11-24T09:05:00Z",
  host: "elsewhere",
  machine: "another",
  boot: "another",
  space: null,
  started: "1",
  run: "id",
  socket: null,
  token: "",
};

describe("folders say", () => {
  test("what a sweep was asked for, what its comparisons came to, and which trials a search has done", () => {
    const recipe = JSON.parse(readFileSync(join(finishedRun(at("sweep", "seed-3", "control")), "recipe.json"), "utf8")).recipe;
    writeFileSync(at("sweep", "request.json"), JSON.stringify({ schema: 1, recipe, seeds: 3 }));
    const result = {
      seed: 3,
      difference: 0.1,
      interval: [0.05, 0.15],
      testImages: 1000,
      yardstick: { oneAnswer: 0.1, teacher: 0.9 },
      controlled: true,
      more: "ignored",
    };
    writeFileSync(at("sweep", "seed-3", "comparison.json"), JSON.stringify(result));
    writeFileSync(at("sweep", "comparison.json"), JSON.stringify({ ...result, seed: undefined, seeds: [3] }));
    finishedRun(at("search", "trial-001"));
    const trial = { trial: 1, directory: "trial-001", settings: { "optim.lr": 0.1 }, valAcc: 0.5, valLoss: 1 };
    writeFileSync(at("search", "search.json"), JSON.stringify({ schema: 1, images: 40, trials: [trial] }));
    const { seed: _, more: __, ...compared } = result;
    expect(listFolders(runs)).toEqual([
      expect.objectContaining({ directory: at("search"), search: { images: 40, trials: [{ ...trial, directory: at("search", "trial-001") }] } }),
      expect.objectContaining({ directory: at("sweep"), asked: { seeds: 3, labels: null, search: null }, compared: null }),
      expect.objectContaining({ directory: at("sweep", "seed-3"), compared, problem: null }),
    ]);
  });

  test("of a result that cannot be read, why", () => {
    finishedRun(at("one", "control"));
    writeFileSync(at("one", "comparison.json"), "");
    expect(listFolders(runs)).toMatchObject([{ directory: at("one"), compared: null, problem: expect.stringContaining("comparison.json cannot be read") }]);
  });
});
