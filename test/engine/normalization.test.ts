// How images are normalised on the user's own folders: measured, recorded, reported, and kept by a resumed run.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { CIFAR10_NORMALIZATION, type Normalization, normalizationInWords } from "../../src-main/contract/normalization";
import type { NoticeBody } from "../../src-main/contract/notices";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import { measureNormalization } from "../../src-main/data/normalization";
import { openDataset } from "../../src-main/data/open-dataset";
import { evaluateOnData } from "../../src-main/engine/evaluate";
import { predict } from "../../src-main/engine/predict";
import { ResidentNetworks } from "../../src-main/engine/resident-networks";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { createModel } from "../../src-main/models/registry";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { describeWeights } from "../../src-main/models/weights";
import { runFiles } from "../../src-main/runs/files";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { type Colour, png, writeFiles } from "../data/image-files";
import { forgetCheckpoint, nobody } from "./experiment";

useBackend(loadAddon());

let folder: string;
let images: string;
/** Weights without notes. */
let silent: string;
let own: Normalization;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "engine-normalization-"));
  images = join(folder, "images");
  const colours: Record<string, Colour> = { "train/a/1": [200, 30, 10], "train/a/2": [180, 60, 40], "train/b/1": [20, 90, 220], "train/b/2": [60, 10, 90] };
  for (const [name, colour] of Object.entries({ ...colours, "test/a/1": colours["train/a/1"]!, "test/b/1": colours["train/b/1"]! }))
    writeFiles(images, { [`${name}.png`]: await png(8, 8, colour, [255, 255, 255]) });
  const data = await openDataset(recipe().data);
  const { images: _, ...measured } = await measureNormalization(data.train);
  own = measured;
  data.release();

  silent = join(folder, "silent.safetensors");
  const model = createModel("resnet20_cifar10", { classes: 2, imageSize: 8, seed: 7 });
  writeSafetensors(silent, model.weights());
  model.release();
});
afterAll(() => rmSync(folder, { recursive: true }));

function recipe(changes: object = {}): Recipe {
  return parseRecipe({
    data: { path: images },
    student: { model: "resnet20_cifar10", imageSize: 8, ...changes },
    train: { epochs: 2, batchSize: 2, learningRate: 1e-3, precision: "fp32" },
  });
}

const distilled = (teacher: object = {}): Recipe =>
  parseRecipe({ ...recipe(), teacher: { model: "resnet20_cifar10", weights: silent, imageSize: 8, ...teacher }, distillation: {} });

/** Trains into a folder, and stops after `stopAfter` batches, if given. Returns the warnings and notes. */
async function train(recipe: Recipe, name: string, { resume = false, stopAfter = Number.POSITIVE_INFINITY } = {}) {
  const said: { type: string; text: string }[] = [];
  let batches = 0;
  const out = join(folder, name);
  const run = new Run({ kind: recipe.distillation ? "compare" : "train", recipe, out, resume }, nobody, new SameThread());
  const notify = (notice: NoticeBody) => {
    // A few images of one colour, that are made smaller: what the data is worth is said too.
    const isOther = (text: string) => ["begins anew", "test images", "not all squares"].some((words) => text.includes(words));
    const isSaid = (notice.type === "warning" || notice.type === "note") && !isOther(notice.text);
    if (isSaid) said.push({ type: notice.type, text: notice.text });
    if (notice.type === "batches") batches += notice.records.length;
    if (batches >= stopAfter) run.control("stop");
  };
  const ending = run.watch(0, notify).then(
    () => "finished",
    (error) => error.code,
  );
  expect(await ending).toBe(stopAfter < Number.POSITIVE_INFINITY ? "INTERRUPTED" : "finished");
  return { out, said, events: readRun(recipe.distillation ? join(out, "student") : out).events };
}

const weightsOf = (out: string) =>
  createHash("sha256")
    .update(readFileSync(runFiles(out).weights))
    .digest("hex");

describe("a fresh student on a folder of images", () => {
  test("uses the folder's own mean and deviation, says so, and records them in the run and in its weights", async () => {
    const { out, said, events } = await train(recipe(), "own");
    const note = `the student's images are normalised with this data's own ${normalizationInWords(own)}, measured over its 4 training images`;
    expect(said).toEqual([{ type: "note", text: note }]);
    expect(events).toContainEqual(expect.objectContaining({ type: "note", text: note }));
    expect(readRun(out).normalization).toEqual({ student: own, teacher: null });
    expect(describeWeights(runFiles(out).weights, "resnet20_cifar10")).toMatchObject(own);
  });

  test("uses the recipe's values instead, without a notice", async () => {
    const given = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };
    const { out, said } = await train(recipe(given), "given");
    expect(said).toEqual([]);
    expect(describeWeights(runFiles(out).weights, "resnet20_cifar10")).toMatchObject(given);
  });
});

describe("a run that is resumed", () => {
  /** A run started with a normalisation from its recipe, which then loses it; what the run recorded beside the recipe is kept or removed. */
  async function begun(name: string, normalization: Normalization, { recorded }: { recorded: boolean }): Promise<void> {
    const { out } = await train(recipe(normalization), name, { stopAfter: 1 });
    const { recipe: path } = runFiles(out);
    const header = JSON.parse(readFileSync(path, "utf8"));
    for (const key of ["mean", "std"]) delete header.recipe.student[key];
    if (!recorded) delete header.normalization;
    writeFileSync(path, JSON.stringify(header));
    forgetCheckpoint(out);
  }

  test("continues with the normalisation that it recorded", async () => {
    const given = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };
    const whole = await train(recipe(given), "whole");
    await begun("parts", given, { recorded: true });
    const { out, said } = await train(recipe(), "parts", { resume: true });
    expect(said).toEqual([]);
    expect(weightsOf(out)).toBe(weightsOf(whole.out));
  });

  test("continues with CIFAR-10's if an earlier version started it, even on a folder of images, and says so", async () => {
    const whole = await train(recipe(CIFAR10_NORMALIZATION), "cifar");
    await begun("earlier", CIFAR10_NORMALIZATION, { recorded: false });
    const { out, said } = await train(recipe(), "earlier", { resume: true });
    expect(said).toEqual([{ type: "note", text: expect.stringContaining("an earlier version began this run with CIFAR-10's mean and deviation") }]);
    expect(weightsOf(out)).toBe(weightsOf(whole.out));
  });
});

test("a student on CIFAR-10 uses the published numbers, without a notice", async () => {
  const onCifar10 = parseRecipe({ ...recipe(), data: { path: "bundled", trainLimit: 4, testLimit: 2 } });
  const { out, said } = await train(onCifar10, "bundled");
  expect(said).toEqual([]);
  expect(describeWeights(runFiles(out).weights, "resnet20_cifar10")).toMatchObject(CIFAR10_NORMALIZATION);
});

describe("weights that do not say how their images were normalised", () => {
  test("of a teacher: a comparison says once what it assumes, and records it", async () => {
    const { out, said } = await train(distilled(), "assumed");
    expect(said.filter(({ type }) => type === "warning")).toEqual([{ type: "warning", text: expect.stringContaining(`the weights ${silent} do not say`) }]);
    expect(readRun(join(out, "student")).normalization).toEqual({ student: own, teacher: CIFAR10_NORMALIZATION });
    expect(readRun(join(out, "control")).normalization).toEqual({ student: own, teacher: null });
    const report = readFileSync(join(out, "report.html"), "utf8");
    expect(report).toContain(`<th scope="row">Student’s images</th><td>${normalizationInWords(own)}</td><td>${normalizationInWords(own)}</td>`);
    expect(report).toMatch(/<th scope="row">Teacher’s images<.th><td>–<.td><td>mean 0\.491.* \(CIFAR-10(’|'|&#39;)s\)<.td>/);
  });

  test("of a teacher whose normalisation the recipe gives: nothing is assumed", async () => {
    const given = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };
    const { out, said } = await train(distilled(given), "named");
    expect(said.map(({ type }) => type)).toEqual(["note", "note"]);
    expect(readRun(join(out, "student")).normalization?.teacher).toEqual(given);
  });

  test("of a student: reported once for both arms", async () => {
    const both = parseRecipe({ ...distilled({ mean: [0, 0, 0], std: [1, 1, 1] }), student: { ...recipe().student, weights: silent } });
    const { said } = await train(both, "student-weights");
    expect(said.filter(({ type }) => type === "warning")).toEqual([{ type: "warning", text: expect.stringContaining(`the weights ${silent} do not say`) }]);
    const unnamed = said.filter(({ text }) => text.includes("does not say which classes its 2 answers are for"));
    expect(unnamed.map(({ type, text }) => [type, text.split(" (")[0]])).toEqual([
      ["note", "the teacher"],
      ["note", "the student"],
    ]);
  });

  test("that predict or are evaluated: reported, unless mean and std are given", async () => {
    const warnings = async (act: (notify: (notice: NoticeBody) => void) => Promise<unknown>) => {
      const notices: NoticeBody[] = [];
      await act((notice) => notices.push(notice));
      return notices.flatMap((notice) => (notice.type === "warning" ? [notice.text] : []));
    };
    const networks = new ResidentNetworks();
    const network = { model: "resnet20_cifar10", weights: silent, imageSize: 8 };
    const named = { ...network, mean: [0, 0, 0] as [number, number, number], std: [1, 1, 1] as [number, number, number] };
    const ask = { images: [{ path: join(images, "test/a/1.png") }] };
    const onData = { models: [network], runs: [], data: images, format: "auto" as const };
    const assumed = [expect.stringContaining(`the weights ${silent} do not say`)];
    expect(await warnings((notify) => predict({ ...network, ...ask }, networks, notify))).toEqual(assumed);
    expect(await warnings((notify) => evaluateOnData(onData, async () => {}, notify))).toEqual(assumed);
    expect(await warnings((notify) => predict({ ...named, ...ask }, networks, notify))).toEqual([]);
  });
});
