import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { presetOf } from "../../src-main/contract/presets";
import { readRequest, recipeOfRun, seedsOf, writeRequest } from "../../src-main/runs/request";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { finishedRun } from "./example-run";

useBackend(loadAddon());

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "distill-request-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

/** As runs record it. */
const recipe = resolveArithmetic(presetOf("article").recipe, EARLIER);
const arms = ["control", "student"] as const;
const at = (...names: string[]) => join(parent, ...names);
const arm = (name: "control" | "student", ...names: string[]) =>
  finishedRun(at(...names, name), { arm: name, recipe: resolveArithmetic(comparisonArms(recipe).find((each) => each.name === name)!.recipe, EARLIER) });

describe("a comparison is resumed with the recipe", () => {
  test("that it was asked for, whatever has begun", () => {
    arm("control", "a");
    writeRequest(at("a"), { recipe, seeds: 1, labels: null, arms });
    expect(recipeOfRun(at("a"), "compare")).toEqual(recipe);
  });

  test.each([null, "", "{"])("that its arms tell where that is lost: %j", (request) => {
    arm("control", "a");
    arm("student", "a");
    if (request !== null) writeFileSync(at("a", "request.json"), request);
    expect(recipeOfRun(at("a"), "compare")).toEqual(recipe);
  });

  test("of the first seed of several", () => {
    for (const each of ["control", "student"] as const) arm(each, "a", "seed-9");
    arm("control", "a", "seed-10");
    expect(recipeOfRun(at("a"), "compare")).toEqual(recipe);
  });
});

test("what is there instead is said", () => {
  arm("control", "a");
  finishedRun(at("one"));
  const refusal = (folder: string, kind: "train" | "compare") => {
    try {
      return recipeOfRun(at(folder), kind);
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal("a", "compare")).toBe(
    `${at("a")} holds no comparison whose recipe is known: there is neither a request.json in it nor a run in ${at("a", "student")}. ` +
      "Resume it with the recipe that it began with, on the command line with --recipe, or start it anew in another folder",
  );
  expect(refusal("one", "compare")).toBe(`${at("one")} holds the run of one arm: resume it with the verb train`);
  expect(refusal("a", "train")).toBe(`${at("a")} holds a comparison: resume it with the verb compare`);
  expect(refusal("a/control", "train")).toBe(
    `${at("a", "control")} holds the control of a comparison: resume the comparison, with the verb compare and its folder ${at("a")}`,
  );
  expect(refusal("none", "train")).toBe(`${at("none")} holds no run: there is no such folder`);
});

test("a sweep's seeds are known, or said to be unknown, with those that are there", () => {
  expect(seedsOf(parent)).toBe(1);
  arm("control", "seed-0");
  arm("control", "seed-1");
  writeFileSync(at("seed-0", "comparison.json"), "{}");
  expect(() => seedsOf(parent)).toThrow(/several seeds \(0 finished, 1 not finished\), and nothing in it tells how many were wanted.*--seeds$/);
  writeRequest(parent, { recipe, seeds: 3, labels: null, arms });
  expect(seedsOf(parent)).toBe(3);
});

test("a foreign file is not overwritten, an emptied one is", () => {
  writeFileSync(at("request.json"), '{"mine": 1}');
  expect(() => writeRequest(parent, { recipe, seeds: 1, labels: null, arms })).toThrow(/request\.json already exists/);
  writeFileSync(at("request.json"), "\0\0");
  writeRequest(parent, { recipe, seeds: 2, labels: null, arms });
  expect(readRequest(parent)).toEqual({ recipe, seeds: 2, labels: null, arms });
  expect(existsSync(at("request.json.partial"))).toBe(false);
});
