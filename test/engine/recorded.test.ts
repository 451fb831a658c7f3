// What a run records of itself besides its checkpoints: recipe.json and tables, and what a comparison was asked for.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Recipe } from "../../src-main/contract/recipe";
import { atOnce } from "../../src-main/contract/turns";
import { listRuns, readRun } from "../../src-main/runs/reader";
import { writeReport } from "../../src-main/runs/report";
import { recipeOfRun } from "../../src-main/runs/request";
import { textOf } from "../runs/page-text";
import { forgetCheckpoint, trainInto } from "./experiment";
import { expected, expectRefusal, expectSameEnd, latest, out, path, recipe, resume, weightsIn } from "./stopped-comparison";

describe("what a run says of itself is compared with its checkpoint whenever it is read", () => {
  const edit = (arm: string, file: string, change: (text: string) => string) => {
    const name = join(out, arm, file);
    const before = readFileSync(name, "utf8");
    writeFileSync(name, change(before));
    expect(readFileSync(name, "utf8")).not.toBe(before);
  };
  const editHead = (arm: string, change: (head: { [key: string]: unknown }) => object) =>
    edit(arm, "recipe.json", (text) => JSON.stringify({ ...JSON.parse(text), ...change(JSON.parse(text)) }));
  const recipeOf = (arm: string) => JSON.parse(readFileSync(join(out, arm, "recipe.json"), "utf8")).recipe;

  test.each<[what: string, arm: string, change: () => void, words: RegExp]>([
    [
      "a student that is called a control",
      "control",
      () => editHead("student", () => ({ arm: "control" })),
      /student\/recipe\.json says that this is the control arm, and the checkpoint that it is the student arm: one of them was changed/,
    ],
    [
      "a student whose recipe names no teacher",
      "student",
      () => editHead("student", ({ recipe }) => ({ recipe: { ...(recipe as object), teacher: null, distillation: null } })),
      /student\/recipe\.json says teacher\.model null, and the checkpoint "resnet20_cifar10"/,
    ],
    [
      "a control whose learning rate was made equal",
      "control",
      () => editHead("control", () => ({ recipe: { ...recipeOf("control"), train: { ...recipeOf("control").train, learningRate: 0.5 } } })),
      /control\/recipe\.json says train\.learningRate 0\.5, and the checkpoint 0\.001/,
    ],
    ["another identity", "control", () => editHead("control", () => ({ id: "another" })), /recipe\.json and the checkpoint differ in the identity/],
    [
      "other initial weights",
      "student",
      () => editHead("student", ({ hashes }) => ({ hashes: { ...(hashes as object), initialWeights: "w" } })),
      /differ in the hash of the initial weights/,
    ],
    [
      "another result",
      "student",
      () => edit("student", "epochs.csv", (text) => text.replace(/\n1,[\d.]+/, "\n1,0.001")),
      /epochs\.csv does not have epoch 1 as the checkpoint has it/,
    ],
    ["fewer results", "student", () => edit("student", "epochs.csv", (text) => `${text.split("\n")[0]}\n`), /epochs\.csv does not have epoch 1/],
    [
      "the checkpoint of the other arm",
      "student",
      () => copyFileSync(latest(out, "control"), latest()),
      /says that this is the student arm, and the checkpoint/,
    ],
  ])("%s", (_, arm, change, words) => {
    change();
    const damaged = listRuns(out).filter(({ damage }) => damage !== null);
    expect(damaged).toMatchObject([{ arm, damage: expect.stringMatching(words) }]);
    const run = readRun(damaged[0]!.directory);
    expect(run).toMatchObject({ damage: damaged[0]!.damage, evidenceDamage: damaged[0]!.damage });
    const page = textOf(readFileSync(atOnce(writeReport({ runs: [out], format: "html", out: path("page.html") })), "utf8"));
    // The report does not say where on this computer the run lies.
    expect(page).toContain(damaged[0]!.damage!.slice(path("").length + 1, 60));
    expect(page).not.toMatch(/fair comparison|✓ the same pixels|Proven up to/i);
  });

  test("and a finished comparison that was edited is not controlled when it is finished once more", async () => {
    expect((await resume()).result).toMatchObject({ controlled: true });
    edit("student", "epochs.csv", (text) => text.replace(/\n1,[\d.]+/, "\n1,0.001"));
    expect(readRun(join(out, "student")).damage).toMatch(/epochs\.csv does not have epoch 1/);
    // Resuming restores what the checkpoint has.
    expect((await resume()).result).toMatchObject({ controlled: true });
    expect(readRun(join(out, "student")).damage).toBeNull();
  });

  test("a recipe.json that was edited is not resumed with, and is restored once it is deleted", async () => {
    editHead("student", () => ({ recipe: { ...recipeOf("student"), augment: { ...recipeOf("student").augment, crop: 0 } } }));
    await expectRefusal(/belongs to a run with another augment\.crop, .*if .*recipe\.json was changed, delete it: resuming restores it/);
    rmSync(join(out, "student/recipe.json"));
    await expectSameEnd();
  });

  test("a name and paths are the user's to change", () => {
    editHead("student", ({ recipe }) => ({ recipe: { ...(recipe as object), name: "renamed" } }));
    expect(readRun(join(out, "student"))).toMatchObject({ name: "renamed", damage: null, evidenceDamage: null });
  });
});

describe("a comparison that was killed before its student began", () => {
  test("resumes with the recipe that it was asked for, and ends in the same bits", async () => {
    const early = path("early-control");
    await trainInto(early, recipe, { stopAfter: 1 });
    rmSync(join(early, "student"), { recursive: true });
    forgetCheckpoint(join(early, "control"));
    expect(listRuns(early)).toMatchObject([{ arm: "control", state: "stopped" }]);
    expect(recipeOfRun(early, "compare")).toEqual(recipe);
    const { failure } = await trainInto(early, recipeOfRun(early, "compare"), { resume: true });
    expect(failure).toBeNull();
    expect(weightsIn(early)).toEqual(expected);
  });

  test("or either arm did, resumes as well", async () => {
    const fresh = path("fresh-request");
    mkdirSync(fresh);
    writeFileSync(join(fresh, "request.json"), readFileSync(join(out, "request.json")));
    expect((await trainInto(fresh, recipeOfRun(fresh, "compare"), { resume: true })).failure).toBeNull();
    expect(weightsIn(fresh)).toEqual(expected);
  });

  test("keeps what it was asked for, and a refused start leaves nothing of it", async () => {
    const asked = readFileSync(join(out, "request.json"), "utf8");
    await resume(out, { ...recipe, name: "renamed" });
    expect(readFileSync(join(out, "request.json"), "utf8")).toBe(asked);
    const missing: Recipe = { ...recipe, teacher: { ...recipe.teacher!, weights: path("nowhere.safetensors") } };
    expect((await trainInto(path("refused"), missing)).code).toBe("INPUT");
    expect(existsSync(path("refused"))).toBe(false);
  });

  test("a file of that name that is somebody else's is not overwritten", async () => {
    const taken = path("taken-request");
    mkdirSync(taken);
    writeFileSync(join(taken, "request.json"), '{"mine": true}');
    expect(await trainInto(taken, recipe).catch((error) => error)).toMatchObject({
      code: "INPUT",
      failure: expect.stringContaining("request.json already exists"),
    });
    expect(readdirSync(taken)).toEqual(["request.json"]);
  });
});
