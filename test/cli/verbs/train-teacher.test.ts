import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Methods } from "../../../src-main/contract/engine";
import { Interrupted } from "../../../src-main/contract/failure";
import { presetOf, presetsFor } from "../../../src-main/contract/presets";
import type { Recipe } from "../../../src-main/contract/recipe";
import type { TrainResult } from "../../../src-main/contract/run";
import { folderWithRecipe, trained } from "../examples";
import { type RunOptions, runWith } from "../fake-engine";

let cwd: string;
let result: TrainResult;
beforeEach(() => {
  cwd = folderWithRecipe();
  result = { ...trained("single", 0.7), directory: join(cwd, "runs", "teacher") };
});
afterEach(() => rmSync(cwd, { recursive: true }));

const trainTeacher = (...args: string[]) => runWith({ watch: () => result }, ["train-teacher", ...args], { cwd });
const startedWith = ({ calls }: Awaited<ReturnType<typeof trainTeacher>>) => calls[0]!.params as Methods["start"]["params"];

describe("distill train-teacher", () => {
  it("trains the one arm of a preset, with what was set", async () => {
    const run = await trainTeacher("--preset", "teacher-quick", "--set", "train.epochs=3");
    expect(run.status).toBe(0);
    const { recipe } = presetOf("teacher-quick");
    expect(startedWith(run)).toMatchObject({ kind: "train", recipe: { ...recipe, train: { ...recipe.train, epochs: 3 } }, unique: true });
    expect(startedWith(run).out).toBe(join(cwd, "runs", "train-teacher-2026-11-24-120000"));
  });

  it("prints accuracy, weights, and what makes them a recipe's teacher", async () => {
    const { out } = await trainTeacher("--preset", "teacher-quick");
    const weights = join(result.directory, "student.safetensors");
    const teacher = { model: "resnet20_cifar10", weights, imageSize: 32 };
    expect(out).toMatch(/test accuracy +70\.0 %/);
    expect(out).toContain(`Weights: ${join("runs", "teacher", "student.safetensors")}`);
    expect(out).toContain(`"teacher": ${JSON.stringify(teacher)}`);
    expect(out).toContain(`--set teacher.model=resnet20_cifar10 --set teacher.weights=${weights} --set teacher.imageSize=32`);
    expect(JSON.parse((await trainTeacher("--preset", "teacher-quick", "--json")).out)).toEqual({ ...result, teacher });
  });

  it("names the weights of the best epoch where validation images have chosen one", async () => {
    result.best = { epoch: 2, valAcc: 0.75, testAcc: 0.72 };
    expect((await trainTeacher("--preset", "teacher-quick")).out).toContain(`teacher.weights=${join(result.directory, "student-best.safetensors")}`);
  });

  it.each([["--tensorboard"], ["--mlflow", "http://127.0.0.1:5000"]])("refuses %s where there are no batches to show", async (flag, ...address) => {
    const { calls, err, status } = await runWith({}, ["train-teacher", "--data", "fruit", "--out", "made", flag, ...address]);
    expect([calls, status]).toEqual([[], 2]);
    expect(err).toContain(`--data fits a last layer, which has no batches that ${flag} could show: leave it out; it goes with --recipe and --preset`);
  });

  it("resumes with the recipe in the run's folder", async () => {
    const { recipe } = presetOf("teacher-quick");
    const { calls } = await runWith({ recipeOf: () => recipe, watch: () => result }, ["train-teacher", "--resume", "--out", "here"], { cwd });
    expect(calls[0]!.params).toEqual({ directory: join(cwd, "here"), kind: "train" });
    expect(calls[1]!.params).toMatchObject({ kind: "train", recipe, resume: true });
  });

  it("names the preset again where nothing is recorded yet that could be resumed", async () => {
    mkdirSync(join(cwd, "here"));
    let hands: Parameters<NonNullable<RunOptions["during"]>>[0];
    const dying = () => {
      hands.die({ message: "the engine died", details: "" });
      return new Promise(() => {});
    };
    const { err } = await runWith({ watch: dying }, ["train-teacher", "--preset", "teacher-quick", "--out", "here"], {
      cwd,
      during: (given) => {
        hands = given;
      },
    });
    expect(err).toContain(`train-teacher --preset teacher-quick --resume --out ${join(cwd, "here")}`);
  });

  it("says where CIFAR-10 is expected, and how to get it", async () => {
    const missing = await trainTeacher("--preset", "teacher-resnet18");
    expect([missing.status, missing.calls]).toEqual([1, []]);
    expect(missing.err).toContain(
      `${join(cwd, "cifar-10")} does not exist; teacher-resnet18 expects CIFAR-10 there: download it with npx distill data download cifar10 cifar-10`,
    );
    mkdirSync(join(cwd, "images"));
    const run = await trainTeacher("--preset", "teacher-resnet18", "--set", "data.path=images");
    expect(startedWith(run).recipe).toMatchObject({ data: { path: join(cwd, "images") }, student: { model: "resnet18_cifar10" } });
  });

  it.each<[string, string[], string]>([
    ["no recipe", [], "--data, or --recipe or --preset is missing"],
    ["two recipes", ["--recipe", "recipe.json", "--preset", "teacher-quick"], "--recipe and --preset each name a recipe"],
    ["a preset that compares", ["--preset", "demo"], "teacher-quick, teacher-resnet18, teacher-resnet34"],
    [
      "a recipe that distills",
      ["--recipe", "distilled.json"],
      "this recipe distills; set --set distillation=null, or train what it describes with the verb train",
    ],
  ])("refuses %s", async (_, args, words) => {
    writeFileSync(join(cwd, "distilled.json"), JSON.stringify(presetOf("demo").written));
    const { status, err, calls } = await trainTeacher(...args);
    expect([status, calls]).toEqual([2, []]);
    expect(err).toContain(words);
  });

  it("trains a recipe that distilled, once it does not", async () => {
    writeFileSync(join(cwd, "distilled.json"), JSON.stringify(presetOf("demo").written));
    const run = await trainTeacher("--recipe", "distilled.json", "--set", "distillation=null");
    expect([run.status, (startedWith(run).recipe as Recipe).distillation]).toEqual([0, null]);
  });
});

describe("distill train-teacher --data", () => {
  it("asks for a last layer on the bundled backbone, and shares what a recipe says of data", async () => {
    const fitTeacher = () => Promise.reject(new Interrupted("stopped on request: no teacher was written"));
    const run = await runWith({ fitTeacher }, ["train-teacher", "--data", "photos", "--set", "data.testShare=0.3", "--set", "train.seed=4"], { cwd });
    const { data } = presetOf("demo").recipe;
    const expected = { data: { ...data, path: join(cwd, "photos"), testShare: 0.3 }, seed: 4, from: "bundled", fineTune: null };
    expect(run.calls[0]).toEqual({ method: "fitTeacher", params: { ...expected, out: join(cwd, "runs", "teacher-2026-11-24-120000"), unique: true } });
    expect([run.status, run.err]).toEqual([130, expect.stringContaining("stopped on request: no teacher was written")]);
  });

  it("stops where it is interrupted, and waits until the engine says what is left", async () => {
    let stopped: (error: Error) => void;
    let hands: Parameters<NonNullable<RunOptions["during"]>>[0];
    const handlers = {
      fitTeacher: () => {
        const answer = new Promise((_, reject) => {
          stopped = reject;
        });
        hands.interrupt();
        return answer;
      },
      stopFitting: () => stopped(new Interrupted("stopped on request: features are kept")),
    };
    const during: RunOptions["during"] = (given) => {
      hands = given;
    };
    const { status, err, calls } = await runWith(handlers, ["train-teacher", "--data", "photos"], { cwd, during });
    expect([status, calls.map(({ method }) => method)]).toEqual([130, ["fitTeacher", "stopFitting"]]);
    expect(err).toMatch(/Stopping after the images under way\. Interrupt once more to stop at once\..*features are kept/s);
  });

  it.each([
    ["data.path=other", "--data names the folder"],
    ["train.learningRate=1e-3", "needs --fine-tune last or all"],
  ])("refuses --set %s", async (assignment, words) => {
    const { status, err } = await runWith({}, ["train-teacher", "--data", "photos", "--set", assignment], { cwd });
    expect([status, err]).toEqual([2, expect.stringContaining(words)]);
  });
});

it.each(presetsFor("teacher").map((preset) => [preset.id, preset] as const))("%s is a ResNet that learns from labels alone", (_, { recipe }) => {
  expect(recipe.student.model).toMatch(/^resnet/);
  expect([recipe.teacher, recipe.distillation, recipe.control]).toEqual([null, null, null]);
});
