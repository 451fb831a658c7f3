import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import type { Recipe } from "../../../src-main/contract/recipe";
import { folderWithRecipe, trained } from "../examples";
import { type RunOptions, runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("distill train", () => {
  const train = (args: string[], options: RunOptions = {}) => runWith({ watch: () => trained("single", 0.4) }, ["train", ...args], { cwd, ...options });

  it("sends the complete recipe, with absolute paths, and a new folder", async () => {
    const { status, calls } = await train(["--recipe", "recipe.json", "--set", "train.epochs=3", "--set", "augment.flip=true"]);
    expect(status).toBe(0);
    expect(calls[0]).toMatchObject({ method: "start", params: { kind: "train", unique: true, takeOver: false } });
    const { recipe, out, resume } = calls[0]!.params as { recipe: Recipe; out: string; resume: boolean };
    expect(recipe).toMatchObject({ data: { path: join(cwd, "photos") }, train: { epochs: 3, batchSize: 128 }, augment: { flip: true } });
    expect(out).toBe(join(cwd, "runs", "train-2026-11-24-120000"));
    expect(resume).toBe(false);
  });

  it("never takes an existing folder unless it is named", async () => {
    expect((await train(["--recipe", "recipe.json"])).calls[0]!.params).toMatchObject({ unique: true, resume: false });
    const named = await train(["--recipe", "recipe.json", "--out", "here", "--resume", "--take-over"]);
    expect(named.calls[0]!.params).toMatchObject({ out: join(cwd, "here"), unique: false, resume: true, takeOver: true });
  });

  it("needs --out to resume", async () => {
    const { status, err, calls } = await train(["--recipe", "recipe.json", "--resume"]);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain("--resume needs --out");
  });

  it("resumes with the recipe in the run's folder", async () => {
    const { recipe } = presetOf("article-equal");
    const args = ["train", "--resume", "--out", "here", "--set", "device=cpu"];
    const { status, calls } = await runWith({ recipeOf: () => recipe, watch: () => trained("single", 0.4) }, args, { cwd });
    expect(status).toBe(0);
    expect(calls[0]!.params).toEqual({ directory: join(cwd, "here"), kind: "train" });
    expect(calls[1]!.params).toMatchObject({ kind: "train", recipe: { ...recipe, device: "cpu" }, out: join(cwd, "here"), resume: true });
  });

  it("prints accuracies, or one JSON document", async () => {
    const text = await train(["--recipe", "recipe.json"]);
    expect(text.out).toMatch(/test accuracy +40\.0 %/);
    const { out } = await train(["--recipe", "recipe.json", "--json"]);
    expect(JSON.parse(out)).toEqual(trained("single", 0.4));
  });

  it.each<[string, string, string[], number, string]>([
    ["a folder", "", ["--recipe", "."], 1, "--recipe .: cannot be read: expected a file, got a folder"],
    ["a file that is missing", "", ["--recipe", "none.json"], 1, "--recipe none.json: cannot be read: there is no such file"],
    ["a file that is not JSON", "{ epochs: 3 }", ["--recipe", "bad.json"], 1, "--recipe bad.json: expected a JSON document"],
    [
      "an unknown key",
      '{"data":{"path":"x"},"student":{"model":"m"},"train":{"epoch":1}}',
      ["--recipe", "bad.json"],
      2,
      "train.epoch: unknown key; did you mean train.epochs?",
    ],
    [
      "a wrong value by --set",
      '{"data":{"path":"x"},"student":{"model":"m"}}',
      ["--recipe", "bad.json", "--set", "train.epochs=five"],
      2,
      'expected an integer from 1 to 10000, got "five"',
    ],
  ])("refuses %s", async (_, content, args, expected, words) => {
    if (content) writeFileSync(join(cwd, "bad.json"), content);
    const { status, out, err, calls } = await train(args);
    expect(err).toContain(words);
    expect([status, out, calls]).toEqual([expected, "", []]);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
});
