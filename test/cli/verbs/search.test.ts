import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import type { SearchResult, TrialResult } from "../../../src-main/contract/run";
import { folderWithRecipe } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
  writeFileSync(join(cwd, "article.json"), JSON.stringify(presetOf("article").written));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** Trial n of 12 has an accuracy of n %; the last one diverged. */
function found(): SearchResult {
  const directory = join(cwd, "runs", "found");
  const trials = Array.from({ length: 12 }, (_, i): TrialResult => {
    const accuracy = i < 11 ? (i + 1) / 100 : null;
    return { trial: i + 1, directory: join(directory, `trial-0${i}`), settings: { "train.learningRate": (i + 1) / 1000 }, valAcc: accuracy, valLoss: accuracy };
  });
  const asked = { trials: 12, batches: 50, over: ["train.learningRate=log:1e-5:1e-2"] };
  return {
    directory,
    asked,
    images: 500,
    trials,
    best: { ...trials[10]!, testAcc: 0.3 },
    bestRecipe: join(directory, "best-recipe.json"),
    report: join(directory, "report.html"),
  };
}
const search = (...args: string[]) => runWith({ watch: found, recipeOf: () => presetOf("article").recipe }, ["search", ...args], { cwd });

describe("distill search", () => {
  it("asks for trials, batches and ranges, in a new folder", async () => {
    const over = ["distillation.alpha=uniform:0:1", "train.optimizer=choice:adamw,sgd"];
    const { status, calls } = await search("--recipe", "article.json", "--trials", "3", "--batches", "all", ...over.flatMap((text) => ["--over", text]));
    expect(status).toBe(0);
    expect(calls[0]).toMatchObject({
      method: "start",
      params: { kind: "search", search: { trials: 3, batches: null, over }, out: join(cwd, "runs", "search-2026-11-24-120000"), unique: true },
    });
  });

  it("leaves to the engine what is not asked for", async () => {
    expect((await search("--recipe", "article.json")).calls[0]!.params).toMatchObject({ search: {} });
    const { calls } = await search("--resume", "--out", "here", "--trials", "30");
    expect(calls.slice(0, 2).map(({ params }) => params)).toMatchObject([
      { directory: join(cwd, "here"), kind: "search" },
      { kind: "search", search: { trials: 30 }, resume: true, out: join(cwd, "here") },
    ]);
  });

  it("prints the ten best, the best's settings to paste, and what the figures are worth", async () => {
    const { out } = await search("--recipe", "article.json");
    const rows = out.split("\n").filter((line) => /^trial \d/.test(line));
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 2).join(": "))).toEqual(Array.from({ length: 10 }, (_, i) => `trial ${11 - i}: ${11 - i}.0 %`));
    expect(out).toContain("2 more trials in the report.");
    expect(out).toContain("Trial 11 is the best; of the test images, which chose nothing, it classifies 30.0 % correctly.");
    expect(out).toContain("\n  --set train.learningRate=0.011\n");
    expect(out).toContain(`npx distill compare --recipe ${join("runs", "found", "best-recipe.json")}`);
    expect(out).toContain("Judged on 500 validation images: with others like these, the best one’s 11.0 % could be anything from 8.5 % to 14.0 % (95 %)");
    expect(out).toContain("ended after 50 batches at most, which favours settings that learn quickly");
    expect(out).toContain("1 of 12 trials diverged");
    expect(out).toContain(`Report: ${join("runs", "found", "report.html")}`);
    expect(JSON.parse((await search("--recipe", "article.json", "--json")).out)).toEqual(found());
  });

  it.each<[string, string[], string]>([
    ["no recipe", [], "--recipe is missing"],
    [
      "a range that is none",
      ["--over", "train.learningRate=1e-5"],
      "--over train.learningRate: expected log:LOW:HIGH, uniform:LOW:HIGH or choice:VALUE,VALUE, got",
    ],
    ["batches that are none", ["--batches", "few"], 'expected a whole number from 1 on, or all, got "few"'],
    ["no trials", ["--trials", "0"], "expected a whole number from 1 to 10000"],
  ])("refuses %s", async (_, args, words) => {
    const { status, err, calls } = await search(...(words.startsWith("--recipe") ? [] : ["--recipe", "article.json"]), ...args);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain(words);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});
