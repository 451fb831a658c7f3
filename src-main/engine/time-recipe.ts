/** Measures how long a recipe takes here, and how much memory: a few steps of each arm on made-up images, with weights fresh from a seed. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { machineOf } from "../backend/device";
import { chooseArithmetic, resolveArithmetic } from "../contract/arithmetic";
import type { TimedRecipe } from "../contract/engine";
import { usualNormalization } from "../contract/families";
import type { Recipe, ResolvedRecipe } from "../contract/recipe";
import { teachersOf } from "../contract/recipe-values";
import { render } from "../data/batches";
import type { Dataset } from "../data/dataset";
import { createModel } from "../models/registry";
import { allOrNone, backend, noGrad, scope } from "../tensor/tensor";
import { comparisonArms } from "../training/compare";
import { renderingFor, type TrainedNetwork } from "../training/network";
import { createStudent } from "../training/student";
import { measureTeacher } from "../training/teacher-statistics";
import { Trainer } from "../training/trainer";
import { madeUp } from "./made-up-data";

/** Seconds that a step is to take, about; the number of its images follows. */
const STEP_SECONDS = 0.25;
const MOST_IMAGES = 64;
/** The first is slower, and does not count. */
const STEPS = 3;

/** On the processor. `classes`: how many the data have. Throws a UsageError if there can be no such networks. */
export async function timeRecipe(recipe: Recipe, classes: number): Promise<TimedRecipe> {
  const arithmetic = { ...chooseArithmetic(machineOf(backend(), null), recipe.train.bf16Products), machine: machineOf(backend(), null) };
  const alone = { ...recipe, data: { ...recipe.data, labelled: null, unlabelled: null } };
  const owned: { release(): void }[] = [];
  const own = <T extends { release(): void }>(it: T): T => {
    owned.push(it);
    return it;
  };
  try {
    const teachers = recipe.distillation ? teachersOf(recipe).map((choice) => untrained(choice, classes)) : [];
    for (const { model } of teachers) own(model);
    const probe = createStudent({ ...alone.student, weights: null }, Array.from({ length: classes }, String), 0);
    own(probe.model.eval());
    const image = own(madeUp(1, recipe.student.imageSize, classes));
    const forward = (network: typeof probe) =>
      seconds(() =>
        scope(() =>
          noGrad(() => network.model.forward(render(image.train, { indices: Int32Array.of(0), views: null }, renderingFor(network, "fp32"))).toFloat32()),
        ),
      );
    const perTest = twice(() => forward(probe));
    await nextTurn();
    const perTeacher = teachers.reduce((sum, teacher) => sum + twice(() => forward(teacher)), 0);
    const images = Math.max(2, Math.min(MOST_IMAGES, recipe.train.batchSize, Math.round(STEP_SECONDS / (3 * perTest + perTeacher))));
    await nextTurn();

    const data = own(madeUp(images * STEPS, recipe.student.imageSize, classes));
    const arms = recipe.distillation ? comparisonArms(alone).filter(({ name }) => name !== "same-images") : [{ name: "single" as const, recipe: alone }];
    const timed: Timed[] = [];
    for (const arm of arms) {
      const resolved = resolveArithmetic(
        { ...arm.recipe, train: { ...arm.recipe.train, batchSize: images, batches: null, epochs: 1, accumulate: 1 } },
        arithmetic,
      );
      timed.push(await timeArm(arm.name, resolved, data, teachers));
    }
    const student = timed.at(-1)!;
    return {
      secondsPerImage: { control: timed[0]!.seconds / images, student: student.seconds / images, test: perTest },
      bytesPerImage: Math.max(...timed.map(({ bytes }) => bytes)) / images,
      weightBytes: student.weightBytes,
      checkpointBytes: student.checkpointBytes,
      teacherBytes: teachers.reduce((sum, { model }) => sum + bytesOf(model.weights().values()), 0),
    };
  } finally {
    for (const it of owned.reverse()) it.release();
    backend().trimMemory();
  }
}

interface Timed {
  /** Of a step. */
  seconds: number;
  /** Besides weights and gradients, while a step is computed. */
  bytes: number;
  weightBytes: number;
  checkpointBytes: number;
}

async function timeArm(arm: Trainer["arm"], recipe: ResolvedRecipe, data: Dataset, teachers: readonly TrainedNetwork[]): Promise<Timed> {
  const [teacher = null, ...others] = recipe.distillation ? teachers : [];
  const statistics = teacher ? await measureTeacher(teacher, data, recipe, { yieldPoint: () => nextTurn() }) : undefined;
  const trainer = allOrNone(() => {
    const student = createStudent({ ...recipe.student, weights: null }, data.classes, 0);
    return new Trainer({ arm, recipe, data, student, teacher, otherTeachers: others.map((network) => ({ network, weight: 1 })), statistics });
  });
  try {
    const times: number[] = [];
    let bytes = 0;
    // Of any number of images they take as much as the weights.
    const gradients = bytesOf(trainer.student.model.weights().values());
    for (let step = 0; step < STEPS; step++) {
      backend().resetPeakMemory();
      const before = backend().memoryStats().inUse;
      times.push(seconds(() => trainer.step()));
      bytes = Math.max(0, backend().memoryStats().peak - before - gradients);
      await nextTurn();
    }
    return {
      seconds: Math.min(...times.slice(1)),
      bytes,
      weightBytes: gradients,
      checkpointBytes: bytesOf(trainer.state().values()),
    };
  } finally {
    trainer.release();
  }
}

function untrained({ model: name, imageSize, mean, std }: ReturnType<typeof teachersOf>[number], classes: number): TrainedNetwork {
  const model = createModel(name, { classes, imageSize, seed: 0 }).eval().requiresGrad(false);
  const usual = usualNormalization(name);
  return {
    model,
    normalization: { mean: mean ?? usual.mean, std: std ?? usual.std },
    assumption: null,
    notes: [],
    hash: "",
    classes: null,
    trainedAt: null,
    origin: null,
  };
}

const bytesOf = (tensors: Iterable<{ size: number }>): number => [...tensors].reduce((sum, { size }) => sum + 4 * size, 0);

function seconds(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

/** The first call, which is slower, does not count. */
function twice(time: () => number): number {
  time();
  return time();
}
