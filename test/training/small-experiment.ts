import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import { hasGrid } from "../../src-main/contract/families";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import type { Recipe } from "../../src-main/contract/recipe";
import type { BatchRecord, EpochRecord } from "../../src-main/contract/run";
import type { Dataset, Split } from "../../src-main/data/dataset";
import { noFingerprint } from "../../src-main/data/fingerprints";
import { channelsOf } from "../../src-main/models/grid";
import { fromArray } from "../../src-main/tensor/tensor";
import type { AnswerCache } from "../../src-main/training/answer-cache";
import type { Arm } from "../../src-main/training/compare";
import type { TrainingHooks } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import type { TeacherStatistics } from "../../src-main/training/objectives/objective";
import { createStudent } from "../../src-main/training/student";
import { Trainer } from "../../src-main/training/trainer";

const NAMES = ["a", "b", "c"];
const CLASSES = NAMES.length;

/** A distilled student that trains within a second: 4 batches of 8 and 2 test batches per epoch. Its images are smaller than a recipe file allows. */
export function smallRecipe(train: Partial<Recipe["train"]> = {}): Recipe {
  const recipe = parseRecipe({
    data: { path: "generated" },
    teacher: { model: "resnet20_cifar10" },
    student: { model: "resnet20_cifar10" },
    train: { epochs: 2, batchSize: 8, learningRate: 3e-3, seed: 5 },
    distillation: { temperature: 2, alpha: 0.5 },
    control: { train: {} },
    augment: { crop: 1, flip: true },
  });
  return { ...recipe, student: { ...recipe.student, imageSize: 4 }, train: { ...recipe.train, ...train } };
}

/** Images that a network can learn to classify: each class has its own colour under noise. */
export function smallData({ train = 28, test = 10 } = {}): Dataset {
  const splits = { train: generatedSplit(train, 1), test: generatedSplit(test, 2) };
  return {
    path: "generated",
    format: "image-folder",
    classes: ["red", "green", "blue"],
    ...splits,
    labelled: splits.train.count,
    drawn: null,
    validation: null,
    leftOut: [],
    said: [],
    hash: `generated ${train} ${test}`,
    release() {
      for (const { images } of Object.values(splits)) images.release();
    },
  };
}

/** An untrained network: it teaches nothing useful, but the same in every test. */
export function smallTeacher({ imageSize = 8 } = {}): TrainedNetwork {
  const network = createStudent({ model: "resnet20_cifar10", imageSize, patchSize: null, weights: null, mean: null, std: null }, NAMES, 9);
  network.model.eval().requiresGrad(false);
  return { ...network, hash: "teacher", classes: null, trainedAt: null, origin: null };
}

export function trainerOf({ name: arm, recipe, own }: Arm, data: Dataset, teacher: TrainedNetwork, cache?: AnswerCache): Trainer {
  return new Trainer({
    arm,
    recipe: resolveArithmetic(recipe, EARLIER),
    own,
    data,
    student: createStudent(recipe.student, NAMES, recipe.train.seed),
    teacher,
    statistics: plainStatistics(teacher),
    cache,
  });
}

/** As if every channel of the teacher had mean 0 and deviation 1. */
function plainStatistics({ model }: TrainedNetwork): TeacherStatistics {
  return new Map(
    model.featureStages.flatMap((stage) => {
      if (!hasGrid(stage)) return [];
      const channels = channelsOf(stage);
      return [[stage.name, { mean: new Float32Array(channels), std: new Float32Array(channels).fill(1) }]];
    }),
  );
}

/** Hooks that record everything. Records leave out times: only those differ between two runs of a recipe. */
export function recording(hooks: Partial<TrainingHooks> = {}) {
  const recorded: { arm: string; record: Omit<BatchRecord, "imagesPerSecond"> | Omit<EpochRecord, "seconds"> }[] = [];
  const all: TrainingHooks = {
    yieldPoint: async () => {},
    onTest: () => {},
    ...hooks,
    onBatch(trainer, step, progress) {
      const { imagesPerSecond: _, ...rest } = step.record;
      recorded.push({ arm: trainer.arm, record: rest });
      hooks.onBatch?.(trainer, step, progress);
    },
    onEpoch(trainer, record, answers) {
      const { seconds: _, ...rest } = record;
      recorded.push({ arm: trainer.arm, record: rest });
      hooks.onEpoch?.(trainer, record, answers);
    },
  };
  return { recorded, hooks: all };
}

function generatedSplit(count: number, seed: number): Split {
  const side = 8;
  const random = randomNumbers(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % CLASSES);
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, (_, i) => {
    const label = labels[Math.floor(i / (side * side * 3))]!;
    return (i % 3 === label ? 120 : 60) + 60 * random();
  });
  return { count, labels, images: fromArray(pixels, [count, side, side, 3]), H: side, W: side, fingerprintOf: noFingerprint };
}

/** Lehmer's generator: the same numbers in 0 ... 1 for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
