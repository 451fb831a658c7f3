import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NoticeBody } from "../../src-main/contract/notices";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import type { ComparisonResult, TrainResult } from "../../src-main/contract/run";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { createModel } from "../../src-main/models/registry";
import { saveWeights } from "../../src-main/models/weights";
import { runFiles } from "../../src-main/runs/files";
import { backend, useBackend } from "../../src-main/tensor/tensor";

export const CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** A temporary folder for a test, with the weights of an untrained teacher. */
export function experimentFolder(): { path: (...names: string[]) => string; teacher: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const teacher = join(folder, "teacher.safetensors");
  const model = createModel("resnet20_cifar10", { classes: 10, imageSize: 8, seed: 7 });
  saveWeights(model, teacher, { classes: CIFAR10_CLASSES, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  model.release();
  return { path: (...names) => join(folder, ...names), teacher, remove: () => rmSync(folder, { recursive: true }) };
}

/** A few bundled images, shrunk to 8 pixels: 3 batches and 2 test batches in each of 2 epochs. */
export function smallRecipe(teacher: string, train: Partial<Recipe["train"]> = {}): Recipe {
  return parseRecipe({
    name: "small",
    data: { path: "bundled", trainLimit: 20, testLimit: 10 },
    teacher: { model: "resnet20_cifar10", weights: teacher, imageSize: 8 },
    student: { model: "resnet20_cifar10", imageSize: 8 },
    train: { epochs: 2, batchSize: 8, learningRate: 1e-3, seed: 3, precision: "fp32", ...train },
    distillation: { temperature: 2, alpha: 0.5 },
    control: { train: {} },
    augment: { crop: 1, flip: true },
  });
}

interface TrainingOptions {
  resume?: boolean;
  /** Asks the training to stop after so many steps of the optimizer, over all arms. */
  stopAfter?: number;
  /** Asks it to stop in the middle of a batch, after so many calls of batch norm in training. */
  stopAfterNorms?: number;
  /** After each step, with the number done since this call. */
  onStep?: (done: number) => void;
}

/** That so few images show no difference and leave classes out, which every run here says. */
export const isOfFewImages = (text: string): boolean =>
  /^10 test images cannot show|^with data\.trainLimit=\d+, \d of 10 classes have no training image/.test(text);

/** Trains into a folder, both arms where the recipe distills. Returns the result, or the failure's code and message, and the texts of other warnings and notes. */
export async function trainInto(out: string, recipe: Recipe, { resume = false, stopAfter, stopAfterNorms, onStep = () => {} }: TrainingOptions = {}) {
  const said: string[] = [];
  const notify = (notice: NoticeBody) => {
    if ((notice.type === "warning" || notice.type === "note") && !isOfFewImages(notice.text)) said.push(notice.text);
  };
  let run: Run | null = null;
  const undo = afterEach(["sgd", "adamw"], (done) => {
    onStep(done);
    if (done === stopAfter) run?.control("stop");
  });
  const undoNorms = afterEach(["batchNormForwardTrain"], (done) => {
    if (done === stopAfterNorms) run?.control("stop");
  });
  try {
    run = new Run({ kind: recipe.distillation ? "compare" : "train", recipe, out, resume }, nobody, new SameThread());
    const result = (await run.watch(0, notify)) as ComparisonResult | TrainResult;
    return { result, code: null, failure: null, said };
  } catch (error) {
    return { result: null, code: (error as { code?: string }).code ?? String(error), failure: (error as Error).message, said };
  } finally {
    undoNorms();
    undo();
  }
}

/** Makes a run as it was before its first checkpoint. */
export function forgetCheckpoint(directory: string): void {
  const { checkpoint, events } = runFiles(directory);
  rmSync(checkpoint, { recursive: true });
  writeFileSync(events, `${readFileSync(events, "utf8").split("\n")[0]}\n`);
}

/** An owner that no other process can ask. */
export const nobody = { program: "command line", socket: null, token: "" } as const;

/** Calls `act` after each call of these ops, with the number of calls so far. Returns how to end that. */
function afterEach(ops: readonly ("sgd" | "adamw" | "batchNormForwardTrain")[], act: (done: number) => void): () => void {
  const addon = backend();
  let done = 0;
  const counted =
    <Args extends unknown[]>(op: (...args: Args) => void) =>
    (...args: Args) => {
      op(...args);
      act(++done);
    };
  useBackend({ ...addon, ...Object.fromEntries(ops.map((op) => [op, counted(addon[op] as (...args: unknown[]) => void)])) });
  return () => useBackend(addon);
}
