import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { summarize } from "../../../src-main/contract/comparison";
import { DIFFERENT_IMAGES } from "../../../src-main/contract/evidence";
import { presetOf } from "../../../src-main/contract/presets";
import type { ComparisonResult, LabelsResult, SweepResult } from "../../../src-main/contract/run";
import { compared, folderWithRecipe, trained } from "../examples";
import { runWith } from "../fake-engine";

let cwd: string;
beforeEach(() => {
  cwd = folderWithRecipe();
});
afterEach(() => rmSync(cwd, { recursive: true }));

const answers = { agreement: 0.55, divergence: 1.25, calibrationError: 0.031 };

describe("distill compare", () => {
  it("prints one JSON document: accuracies, seeds, hashes, folders and the report", async () => {
    const { status, out } = await runWith({ watch: () => compared }, ["compare", "--recipe", "recipe.json", "--json"], { cwd });
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      teacher: { model: "resnet20_cifar10", precision: "fp32", testAcc: 0.9, seen: [] },
      control: { trainAcc: 0.45, testAcc: 0.4, ...answers, deviation: null },
      student: { trainAcc: 0.5, testAcc: 0.45, ...answers, deviation: null },
      sameImages: null,
      difference: 0.05,
      differences: [0.05],
      seconds: 130,
      deviation: null,
      interval: [0.01, 0.09],
      intervalOver: "test images",
      moreSeeds: null,
      testImages: 1000,
      yardstick: null,
      controlled: true,
      reason: null,
      tunedSeparately: false,
      differentImages: false,
      differingSettings: [],
      provenTo: 32,
      seeds: [7],
      runs: [
        { seed: 7, ...trained("control", 0.4), ...answers },
        { seed: 7, ...trained("student", 0.45), ...answers },
      ],
      directory: "/runs/x",
      report: "/runs/x/report.html",
    });
  });
});

describe("a comparison of three arms", () => {
  const difference = (value: number) => ({ difference: value, differences: [value], deviation: null, interval: null, intervalOver: null, moreSeeds: null });
  const proof = { controlled: true, reason: null, tunedSeparately: false, differentImages: false, differingSettings: [], provenTo: 32 };
  const parts = { teacherAdds: { ...difference(0.02), ...proof }, imagesAdd: difference(0.03) };
  const three: ComparisonResult = {
    ...compared,
    ...{ controlled: false, differentImages: true, reason: DIFFERENT_IMAGES, provenTo: 0 },
    sameImages: { ...trained("same-images", 0.42), ...answers, deviation: null, ...parts },
  };
  const command = ["compare", "--recipe", "recipe.json"];

  it("is one JSON document, with what the third adds and proves", async () => {
    const json = JSON.parse((await runWith({ watch: () => three }, [...command, "--json"], { cwd })).out);
    expect(json.sameImages).toEqual({ trainAcc: expect.closeTo(0.47, 12), testAcc: 0.42, ...answers, deviation: null, ...parts });
    expect(json.runs.map(({ arm }: { arm: string }) => arm)).toEqual(["control", "same-images", "student"]);
    expect(json.runs[1]).toEqual({ seed: 7, ...trained("same-images", 0.42), ...answers });
  });

  it("is a table and words, which say what comes of what", async () => {
    const { out } = await runWith({ watch: () => three }, command, { cwd });
    expect(out).toMatch(/^control .* 40\.0 %\nteacher on the same images .* 42\.0 %\nstudent .* 45\.0 %$/m);
    expect(out).toMatch(/^Of the \+5\.0 points, the teacher .* gives \+2\.0 \(controlled\), and the images without labels give \+3\.0\.$/m);
    expect(out).toMatch(/^ +control +teacher on the same images +student$/m);
    expect(out).toMatch(/^Control and the arm with the teacher on the same images had the same initial weights and the same batches, proven batch by batch/m);
    expect(out).toMatch(/^Different images by design: the student/m);
    expect(out).not.toContain("warning");
  });

  it("over several seeds has a column and means of it", async () => {
    const comparisons = [three, { ...three, seed: 8 }];
    const summary = summarize(comparisons);
    const sameImages = { ...summary.sameImages!, teacherAdds: { ...summary.sameImages!.teacherAdds, controlled: true } };
    const sweep: SweepResult = { ...compared, ...summary, sameImages, controlled: false, comparisons };
    const { out } = await runWith({ watch: () => sweep }, command, { cwd });
    expect(out).toMatch(/^seed 8 +40\.0 % +42\.0 % +45\.0 % +\+5\.0 points$/m);
    expect(out).toMatch(/^mean +40\.0 % +42\.0 % +45\.0 % /m);
    expect(out).toMatch(/the teacher on the same labelled images gives \+2\.0 \(.*controlled\)/);
  });
});

describe("distill demo", () => {
  it("same-labels says how its teacher is made, until it is there", async () => {
    const missing = await runWith({}, ["demo", "same-labels"], { cwd });
    expect([missing.status, missing.calls]).toEqual([1, []]);
    expect(missing.err).toContain(`make this teacher first, with npx distill train-teacher --data bundled --out ${join("runs", "same-labels-teacher")}`);
    mkdirSync(join(cwd, "runs", "same-labels-teacher"), { recursive: true });
    const weights = join(cwd, "runs", "same-labels-teacher", "teacher.safetensors");
    writeFileSync(weights, "");
    const { calls } = await runWith({ watch: () => compared }, ["demo", "same-labels"], { cwd });
    expect(calls[0]!.params).toMatchObject({ recipe: { data: { path: "bundled" }, teacher: { weights } } });
  });

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
      "Both learned from the labels; the student alone also from the teacher, resnet20_cifar10, by locality guidance. That teacher had been trained before, on the 50,000 labelled training images of CIFAR-10, the sample's among them.",
      "",
      "The teacher adds 5.0 points (95 %: +1.0 to +9.0; 1 seed; 1,000 test images).",
      "It is one seed: another may give another difference.",
      "Compare 3 seeds with: npx distill compare --recipe /runs/x/request.json",
      expect.stringMatching(/^With other test images .* Paired bootstrap: the 1000 test images .* another may give another difference\.$/),
      "",
      "control | student",
      "Agrees with the teacher | 55.0 % | 55.0 %",
      "KL to the teacher | 1.250 | 1.250",
      "Calibration error (ECE) | 3.1 % | 3.1 %",
      "",
      expect.stringMatching(/^Agrees with the teacher: share of the test images/),
      expect.stringMatching(/^KL to the teacher: /),
      expect.stringMatching(/^Calibration error \(ECE\): /),
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

  it("gives the accuracy of averaged weights too", async () => {
    const averaged = { ...compared, control: { ...compared.control, emaAcc: 0.42 }, student: { ...compared.student, emaAcc: 0.41 } };
    const { out } = await runWith({ watch: () => averaged }, ["demo"], { cwd });
    expect(out).toMatch(/student, averaged weights +41\.0 %\ndifference/);
  });

  it("claims nothing of a control with settings of its own whose evidence does not hold", async () => {
    const reason = "the evidence is damaged: control: lines are missing";
    const differing = { controlled: false, tunedSeparately: true, differingSettings: ["train.learningRate"], provenTo: 0, reason };
    const { out } = await runWith({ watch: () => ({ ...compared, ...differing }) }, ["demo"], { cwd });
    expect(out).toContain(`warning: this is not a controlled comparison: ${reason} (seed 7). Besides, control and student differ in train.learningRate too`);
    expect(out).not.toMatch(/batch 0|are proven/);
  });
});

describe("several seeds", () => {
  const ofSeed = (seed: number, difference: number): ComparisonResult => ({
    ...compared,
    seed,
    directory: `/runs/x/seed-${seed}`,
    student: { ...compared.student, testAcc: 0.4 + difference },
    difference,
  });
  const sweep = (...differences: number[]): SweepResult => {
    const comparisons = differences.map((difference, seed) => ofSeed(seed, difference));
    const { directory, teacher, controlled, tunedSeparately, report } = compared;
    return { ...summarize(comparisons), sameImages: null, directory, teacher, controlled, tunedSeparately, comparisons, report };
  };

  it.each([
    ["compare", 3],
    ["demo", 1],
  ])("%s takes %i by default", async (verb, seeds) => {
    const { calls } = await runWith({ watch: () => compared }, [verb, ...(verb === "compare" ? ["--recipe", "recipe.json"] : [])], { cwd });
    expect(calls[0]!.params).toMatchObject({ seeds, resume: false });
  });

  it("ends with means, deviations and the interval of the difference", async () => {
    const { out } = await runWith({ watch: () => sweep(0.184, 0.171, 0.19) }, ["compare", "--recipe", "recipe.json"], { cwd });
    expect(out).toMatch(/mean +40\.0 % +58\.2 % +\+18\.2 points\ndeviation +± 0\.0 +± 1\.0 +± 1\.0\n/);
    expect(out).toContain("The teacher adds 18.2 points (95 %: +15.8 to +20.6; 3 seeds; 1,000 test images).\nOver all possible seeds, ");
    expect(out).not.toContain("--add-seeds");
  });

  it("says that a teacher tested in bf16 may be right on other images than its own report says", async () => {
    const result = { ...compared, teacher: { ...compared.teacher, precision: "bf16" } };
    const { out } = await runWith({ watch: () => result }, ["demo", "--seeds", "1"], { cwd });
    expect(out).toContain("All accuracies are those of answers in bf16, the teacher’s too");
  });

  it("offers no more seeds where neither model has learned anything, and says what helps", async () => {
    const result = { ...compared, yardstick: { oneAnswer: 0.45, teacher: 0.9 } };
    const { out } = await runWith({ watch: () => result }, ["compare", "--recipe", "recipe.json", "--seeds", "1"], { cwd });
    expect(out).toMatch(/\nNeither model has learned the classes beyond chance: .+More seeds would show nothing: train for more epochs/);
    expect(out).not.toContain("Compare 3 seeds with");
  });

  it("says that nothing is shown yet, and how to add seeds", async () => {
    const { out } = await runWith({ watch: () => sweep(-0.01, 0.01, 0.03) }, ["compare", "--recipe", "recipe.json"], { cwd });
    expect(out).toContain(
      "It may be chance. If the true difference is this large, about 15 more seeds would be needed to show it.\nAdd them with: npx distill compare --add-seeds 15 --out /runs/x\n",
    );
  });

  it("prints the same as JSON", async () => {
    const { out } = await runWith({ watch: () => sweep(-0.01, 0.01, 0.03) }, ["compare", "--recipe", "recipe.json", "--json"], { cwd });
    const result = JSON.parse(out);
    expect(result).toMatchObject({ seeds: [0, 1, 2], intervalOver: "seeds", moreSeeds: 15, control: { agreement: 0.55 } });
    expect(result.control.testAcc).toBeCloseTo(0.4, 12);
    expect(result.deviation).toBeCloseTo(0.02, 12);
    expect(result.interval).toHaveLength(2);
    expect(result.runs).toHaveLength(6);
  });

  it("adds seeds to what is in the folder, with its recipe", async () => {
    const { recipe } = presetOf("article");
    const { status, calls } = await runWith({ recipeOf: () => recipe, watch: () => sweep(0, 0, 1) }, ["compare", "--add-seeds", "2", "--out", "a"], { cwd });
    expect(status).toBe(0);
    expect(calls[1]!.params).toEqual({ kind: "compare", recipe, addSeeds: 2, out: join(cwd, "a"), resume: true, takeOver: false, unique: false });
  });

  it.each([
    [["--out", "a", "--recipe", "recipe.json"], "leave --recipe out"],
    [["--out", "a", "--seeds", "3"], "leave --seeds out"],
    [["--out", "a", "--labels", "10"], "leave --labels out"],
    [["--out", "a", "--set", "train.epochs=3"], "leave --set out"],
    [[], "--add-seeds needs --out"],
  ])("adds none with %j", async (args, message) => {
    const { status, err } = await runWith({}, ["compare", "--add-seeds", "2", ...args], { cwd });
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});

describe("several numbers of labels", () => {
  const at = (labelled: number, difference: number, verdict: Partial<ComparisonResult>): LabelsResult["labels"][number] => {
    const comparisons = [0, 0.01].map((more, seed) => ({ ...compared, ...verdict, seed, difference: difference + more }));
    const { directory, teacher, report } = compared;
    const controlled = comparisons.every((each) => each.controlled);
    return { labelled, ...summarize(comparisons), sameImages: null, directory, teacher, controlled, tunedSeparately: false, comparisons, report };
  };
  const byDesign = { controlled: false, differentImages: true, reason: DIFFERENT_IMAGES };
  const labels = [at(250, 0.2, byDesign), at(5000, 0.05, {})];
  const result: LabelsResult = { directory: "/runs/x", teacher: compared.teacher, labels, report: "/runs/x/report.html" };
  const sweep = (...args: string[]) => runWith({ watch: () => result }, ["compare", "--recipe", "recipe.json", "--labels", "5000,250", ...args], { cwd });

  it("are asked for, with images without labels where the first number leaves some", async () => {
    const { calls } = await sweep("--set", "data.unlabelled=rest", "--set", "teacher.model=resnet18_cifar10");
    expect(calls[0]!.params).toMatchObject({ kind: "compare", labels: [5000, 250], seeds: 3, recipe: { data: { labelled: 5000, unlabelled: "rest" } } });
  });

  it("end with a line for each, and what is proven of them", async () => {
    const { out } = await sweep();
    expect(out).toMatch(/\n250 +40\.0 % ± 0\.0 +45\.0 % ± 0\.0 +\+20\.5 points +\+14\.1 to \+26\.9 +2\n5000 .*\+5\.5 points/);
    expect(out).toMatch(
      /Different images by design: .* \(2 comparisons, with 250 labels\)\.\nControl and student had .* \(2 comparisons, with 5000 labels\)\.\n/,
    );
    expect(out).toContain("With fewer labelled images an epoch has fewer batches, so those students took fewer steps.");
    expect((await sweep("--set", "data.unlabelled=rest")).out).not.toContain("fewer steps");
  });

  it("print the same as JSON", async () => {
    const { labels, ...rest } = JSON.parse((await sweep("--json")).out);
    expect(rest).toEqual({ directory: "/runs/x", teacher: compared.teacher, report: "/runs/x/report.html" });
    expect(labels).toMatchObject([{ labelled: 250, seeds: [0, 1], controlled: false }, { labelled: 5000 }]);
    expect(labels[0].runs).toHaveLength(4);
  });

  it("are not set twice", async () => {
    const { status, err } = await sweep("--set", "data.labelled=100");
    expect([status, err]).toEqual([2, expect.stringContaining("--labels sets data.labelled to each of its numbers: leave --set data.labelled out")]);
  });

  it.each(["", "250,", "0", "250.5", "some"])("are whole numbers, not %j", async (text) => {
    const { status, err } = await runWith({}, ["compare", "--recipe", "recipe.json", "--labels", text], { cwd });
    expect(status).toBe(2);
    expect(err).toContain("expected whole numbers from 1 on, as in 250,500,1000");
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
