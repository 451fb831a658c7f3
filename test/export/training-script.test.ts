// The training of a run as a Python script: the same losses from the same start, in one process and in two, and a run folder that this program reads.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import { exportModel } from "../../src-main/engine/export";
import { unsupportedIn } from "../../src-main/export/training-script/supported";
import { readHeader } from "../../src-main/runs/header";
import { readRun } from "../../src-main/runs/reader";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { experimentFolder, trainInto } from "../engine/experiment";
import { noPython, python } from "../python";

let folder: ReturnType<typeof experimentFolder>;
/** 10 steps in each of 2 epochs. */
const recipe = parseRecipe({
  name: "followed",
  data: { path: "bundled", trainLimit: 80, testLimit: 40 },
  teacher: { model: "resnet20_cifar10", weights: "bundled" },
  student: { model: "vit_micro_patch4_32", patchSize: 8 },
  train: { epochs: 2, batchSize: 8, learningRate: 3e-4, precision: "fp32", seed: 5, warmupEpochs: 1, clipNorm: 5, labelSmoothing: 0.1, weightDecay: 0.05 },
  distillation: {
    labels: 0.5,
    terms: [
      { kind: "soft", weight: 0.5, temperature: 2 },
      { kind: "hard", weight: 0.1 },
    ],
  },
  control: { train: { learningRate: 5e-4 } },
  augment: { crop: 4, flip: true },
});
const ours = (arm: string) => readRun(folder.path("run", arm));
const script = () => folder.path("script");

beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  const { failure } = await trainInto(folder.path("run"), recipe);
  if (failure) throw new Error(failure);
  await exportModel(
    { source: { run: folder.path("run") }, format: "training-script", out: script() },
    async () => {},
    () => {},
  );
});
afterAll(() => folder.remove());

test("holds the weights that both arms began with, and the teacher's", () => {
  expect(readdirSync(script()).sort()).toEqual(["distill_models.py", "start.safetensors", "teacher.safetensors", "train.py"]);
  const start = loadNetwork({ model: "vit_micro_patch4_32", weights: join(script(), "start.safetensors"), imageSize: 32, patchSize: 8 });
  expect(start.hash).toBe(ours("student").hashes.initialWeights);
  start.model.release();
});

test("what it cannot repeat is refused, setting by setting", () => {
  const changed = (change: (recipe: Recipe) => void) => {
    const other = JSON.parse(JSON.stringify(readHeader(folder.path("run", "student")).recipe));
    change(other);
    return unsupportedIn(other);
  };
  expect(changed(() => {})).toEqual([]);
  expect(changed(({ train, augment }) => Object.assign(train, { ema: 0.9 }) && Object.assign(augment, { mixup: 0.2 }))).toEqual([
    "expected no augmentation but crop and flip",
    "expected no train.ema",
  ]);
  expect(changed(({ distillation }) => Object.assign(distillation!, { terms: [{ kind: "locality", weight: 40 }] }))).toEqual([
    "expected distillation by soft, hard, logit-matching alone",
  ]);
  expect(changed(({ data }) => Object.assign(data, { path: "/pictures", format: "image-folder" }))).toEqual(["expected data of CIFAR-10's binary version"]);
});

const missing = noPython("torch", "timm", "safetensors");
const SAMPLE = resolve(import.meta.dirname, "../../assets/cifar-10-sample");

/** How each process is started. */
const starts = {
  python: [],
  torchrun: ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
};

describe.each(["python", "torchrun"] as const)("by %s", (how) => {
  test("losses, rates and accuracies follow those of the run", { timeout: 600_000 }, ({ skip }) => {
    if (missing) skip(missing);
    const out = folder.path(how);
    // Threads of several processes would wait for each other.
    const options = { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } } as const;
    const { status, stderr } = spawnSync(python, [...starts[how], join(script(), "train.py"), "--data", SAMPLE, "--out", out, "--cpu"], options);
    expect(status, stderr).toBe(0);
    for (const arm of ["control", "student"]) {
      const [expected, found] = [ours(arm), readRun(join(out, arm))];
      expect(found.batches).toHaveLength(20);
      for (const [step, { loss, parts, lr, trainAcc }] of found.batches.entries()) {
        const batch = expected.batches[step]!;
        expect(Math.abs(loss - batch.loss) / batch.loss, `${arm}, step ${step + 1}`).toBeLessThan(1e-3);
        expect(lr).toBeCloseTo(batch.lr, 10);
        expect(trainAcc).toBeCloseTo(batch.trainAcc, 1);
        for (const [name, value] of Object.entries(batch.parts)) expect(parts[name]).toBeCloseTo(value, 2);
      }
      expect(found).toMatchObject({ state: "finished", evidenceDamage: null, damage: null, teacherTestAcc: expected.teacherTestAcc });
      expect(found.hashes.initialWeights).toBe(expected.hashes.initialWeights);
      expect(found.epochRecords.map(({ testAcc }) => testAcc)).toEqual(expected.epochRecords.map(({ testAcc }) => testAcc));
    }
    expect(readFileSync(join(out, "student", "events.jsonl"), "utf8")).toContain('"finished"');
    expect(loadNetwork({ model: "vit_micro_patch4_32", weights: join(out, "student", "student.safetensors") }).classes).toEqual(ours("student").classes);
  });
});
