import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { presetOf } from "../../../src-main/contract/presets";
import { compared, folderWithRecipe } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("distill compare", () => {
  it("prints one JSON document: accuracies, seeds, hashes, folders and the report", async () => {
    const { status, out } = await runWith({ watch: () => compared }, ["compare", "--recipe", "recipe.json", "--json"], { cwd });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      teacher: { model: "resnet20_cifar10", testAcc: 0.9 },
      control: { trainAcc: 0.45, testAcc: 0.4 },
      student: { trainAcc: 0.5, testAcc: 0.45 },
      difference: 0.05,
      controlled: true,
      reason: null,
      tunedSeparately: false,
      differingSettings: [],
      provenTo: 32,
      seeds: [7],
      runs: [
        { seed: 7, ...compared.control },
        { seed: 7, ...compared.student },
      ],
      directory: "/runs/x",
      report: "/runs/x/report.html",
    });
  });
});

describe("distill demo", () => {
  it("ends with a table and the report's path", async () => {
    const { status, out, calls } = await runWith({ watch: () => compared }, ["demo"], { cwd });
    expect(status).toBe(0);
    expect(calls[0]!.params).toMatchObject({
      recipe: { data: { path: "bundled" }, teacher: { weights: "bundled" } },
      out: join(cwd, "runs", "demo-2026-11-24-120000"),
    });
    expect(out.split("\n").map((line) => line.trim().replace(/ {2,}/g, " | "))).toEqual([
      "train accuracy | test accuracy",
      "teacher (resnet20_cifar10) | 90.0 %",
      "control | 45.0 % | 40.0 %",
      "student | 50.0 % | 45.0 %",
      "difference | +5.0 points | +5.0 points",
      "",
      "Control and student had the same initial weights and the same batches, proven batch by batch (seed 7).",
      "Runs: /runs/x",
      "Report: /runs/x/report.html",
      "",
    ]);
  });

  it("warns if the arms were not alike", async () => {
    const { out } = await runWith({ watch: () => ({ ...compared, controlled: false, reason: "not comparable: another seed" }) }, ["demo"], { cwd });
    expect(out).toContain("warning: this is not a controlled comparison: not comparable: another seed (seed 7).");
  });

  it("says if the control has settings of its own", async () => {
    const reason = "tuned separately: the control has its own train.learningRate";
    const differing = { controlled: false, tunedSeparately: true, differingSettings: ["train.learningRate"], reason };
    const { out } = await runWith({ watch: () => ({ ...compared, ...differing }) }, ["demo"], { cwd });
    expect(out).toContain("Tuned separately: control and student differ in train.learningRate too, so the difference is not the teacher's alone (seed 7).");
    expect(out).not.toContain("warning");
  });

  it("claims nothing of a control with settings of its own whose evidence does not hold", async () => {
    const reason = "the evidence is damaged: control: lines are missing";
    const differing = { controlled: false, tunedSeparately: true, differingSettings: ["train.learningRate"], provenTo: 0, reason };
    const { out } = await runWith({ watch: () => ({ ...compared, ...differing }) }, ["demo"], { cwd });
    expect(out).toContain(`warning: this is not a controlled comparison: ${reason} (seed 7). Besides, control and student differ in train.learningRate too`);
    expect(out).not.toMatch(/batch 0|are proven/);
  });
});

describe("resuming", () => {
  const recipe = presetOf("article").recipe;
  const resume = (verb: string, ...args: string[]) => runWith({ recipeOf: () => recipe, watch: () => compared }, [verb, "--resume", ...args], { cwd });

  it.each(["compare", "demo"])("%s takes the recipe from the run, and its seeds", async (verb) => {
    const { status, calls } = await resume(verb, "--out", "a", "--set", "device=cpu");
    expect(status).toBe(0);
    const directory = join(cwd, "a");
    expect(calls[0]).toEqual({ method: "recipeOf", params: { directory, kind: "compare" } });
    expect(calls[1]!.params).toEqual({ kind: "compare", recipe: { ...recipe, device: "cpu" }, out: directory, resume: true, takeOver: false, unique: false });
  });

  it("takes more seeds on demand", async () => {
    expect((await resume("compare", "--out", "a", "--seeds", "3")).calls[1]!.params).toMatchObject({ recipe, seeds: 3 });
  });
});
