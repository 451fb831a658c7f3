import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Term } from "../../src-main/contract/objectives";
import type { Recipe } from "../../src-main/contract/recipe";
import { labelsOf, mixtureOf, render } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { readSafetensorsHeader } from "../../src-main/models/safetensors";
import { hashWeights, saveWeights } from "../../src-main/models/weights";
import { add } from "../../src-main/tensor/ops/add";
import { distillationLoss } from "../../src-main/tensor/ops/distillation-loss";
import { oneHot } from "../../src-main/tensor/ops/one-hot";
import { scale } from "../../src-main/tensor/ops/scale";
import { backend, backward, fromArray, scope, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { AnswerCache } from "../../src-main/training/answer-cache";
import { findCheckpoint, restore, writeCheckpoint } from "../../src-main/training/checkpoint";
import { comparisonArms } from "../../src-main/training/compare";
import { type Batch, Criterion } from "../../src-main/training/criterion";
import { train } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import { createStudent } from "../../src-main/training/student";
import type { Trainer } from "../../src-main/training/trainer";
import { relativeError } from "../reference/goldens";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

let data: Dataset;
let teacher: TrainedNetwork;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  teacher = smallTeacher();
});

/** Of the images of a batch. */
const INDICES = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
const locality: Term = { kind: "locality", weight: 4, block: 2, stage: null };
const soft: Term = { kind: "soft", weight: 0.3, temperature: 2 };
const token: Term = { kind: "token", weight: 0.5, targets: "hard", temperature: 3 };
const DISTILLED = { model: "deit_tiny_distilled_patch16_224" };
/** One of each kind that any student can learn from. */
const others: Term[] = [
  { kind: "hard", weight: 0.4 },
  { kind: "logit-matching", weight: 0.2 },
  { kind: "features", weight: 2, studentStage: null, teacherStage: null },
  { kind: "attention-transfer", weight: 100, studentStage: null, teacherStage: "layer3" },
];

interface RecipeOptions {
  labels?: number;
  cacheTeacher?: boolean;
  student?: Partial<Recipe["student"]>;
  train?: Partial<Recipe["train"]>;
  augment?: Partial<Recipe["augment"]>;
}

/** A small vision transformer of 2 x 2 patches, unless another student is named. */
function recipeOf(terms: Term[], { labels = 1, cacheTeacher = true, student: other = {}, train = {}, augment = {} }: RecipeOptions = {}): Recipe {
  const recipe = smallRecipe(train);
  const student = { ...recipe.student, model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4, ...other };
  return { ...recipe, student, distillation: { labels, terms, images: "all", cacheTeacher }, augment: { ...recipe.augment, ...augment } };
}

const studentOf = (recipe: Recipe, cache?: AnswerCache) => trainerOf({ name: "student", recipe }, data, teacher, cache);

describe("the loss", () => {
  /** Of a first step: the numbers that are recorded. */
  function firstStep(recipe: Recipe) {
    const trainer = studentOf(recipe);
    const { record } = trainer.step();
    trainer.release();
    return record;
  }

  test("is the weighted sum of its parts, which are recorded by name", () => {
    const { loss, parts } = firstStep(recipeOf([locality, { kind: "dkd", weight: 0.5, temperature: 4, alpha: 1, beta: 8 }, soft], { labels: 0.9 }));
    expect(Object.keys(parts)).toEqual(["ce", "locality", "tckd", "nckd", "kd"]);
    const expected = 0.9 * parts.ce! + 4 * parts.locality! + 0.5 * (parts.tckd! + 8 * parts.nckd!) + 0.3 * parts.kd!;
    expect(loss).toBeCloseTo(expected, 4);
  });

  test("is so with every kind of term", () => {
    const { loss, parts } = firstStep(recipeOf(others, { labels: 0.9 }));
    expect(Object.keys(parts)).toEqual(["ce", "hard", "logit_mse", "features", "attention_transfer"]);
    const expected = 0.9 * parts.ce! + 0.4 * parts.hard! + 0.2 * parts.logit_mse! + 2 * parts.features! + 100 * parts.attention_transfer!;
    expect(loss).toBeCloseTo(expected, 4);
  });

  test.each([
    ["a transformer", others, {}],
    ["a ResNet, whose maps are in bf16", others, { model: "resnet20_cifar10", patchSize: null }],
    ["a transformer with a distillation token", [...others, token], DISTILLED],
  ] as const)("of %s in bf16 is close to that in fp32, in every part", (_, terms, student) => {
    const partsIn = (precision: "fp32" | "bf16") => Object.values(firstStep(recipeOf([...terms], { student, train: { precision } })).parts);
    const [single, half] = [partsIn("fp32"), partsIn("bf16")];
    for (const [i, value] of single.entries()) expect(Math.abs(half[i]! - value) / value).toBeLessThan(0.05);
  });

  test("numbers the parts of a second term of the same kind", () => {
    const { parts, loss } = firstStep(recipeOf([soft, { ...soft, weight: 2, temperature: 0.5 }], { labels: 0.5 }));
    expect(Object.keys(parts)).toEqual(["ce", "kd", "kd2"]);
    expect(parts.kd2).not.toBeCloseTo(parts.kd!, 3);
    expect(loss).toBeCloseTo(0.5 * parts.ce! + 0.3 * parts.kd! + 2 * parts.kd2!, 4);
  });

  test("records what the labels say also where they do not count", () => {
    const dkd: Term = { kind: "dkd", weight: 2, temperature: 4, alpha: 1, beta: 8 };
    const { loss, parts, trainAcc } = firstStep(recipeOf([dkd], { labels: 0 }));
    expect(parts.ce).toBeGreaterThan(0);
    expect(trainAcc).toBeGreaterThan(0);
    expect(loss).toBeCloseTo(2 * (parts.tckd! + 8 * parts.nckd!), 4);
  });

  test("of labels and soft labels that share 1 has the bits of the one op for both", () => {
    const { loss, parts, gradients } = computed([{ ...soft, weight: 0.62 }], 0.38, (batch, logits) => {
      const soft = { teacher: batch.teacher.get("logits")!, temperature: 2, alpha: 0.62 };
      return distillationLoss(logits, { labels: batch.labels, soft }).loss;
    });
    expect(loss.own).toBe(loss.expected);
    expect(parts).toEqual(["ce", "kd"]);
    expect(gradients.own.map((gradient, i) => relativeError(gradient, gradients.expected[i]!)).filter((error) => error > 0)).toEqual([]);
  });

  test("of mixed images has the labels of both in their shares, and the soft labels apart", () => {
    const partners = Int32Array.from({ length: 8 }, (_, n) => 3 * n + 1);
    const mixture = () => mixtureOf(data.train, INDICES, { partners, views: null, shares: new Float32Array(8).fill(0.75) }, data.classes.length);
    const crossEntropy = (logits: Tensor, samples: Int32Array) => distillationLoss(logits, { labels: labelsOf(data.train, samples) }).loss;
    const { loss, parts, gradients } = computed(
      [{ ...soft, weight: 0.62 }],
      0.38,
      ({ teacher, labels }, logits) => {
        const kd = distillationLoss(logits, { labels, soft: { teacher: teacher.get("logits")!, temperature: 2, alpha: 1 } }).loss;
        const ce = add(scale(crossEntropy(logits, INDICES), 0.75), scale(crossEntropy(logits, partners), 0.25));
        return add(scale(ce, 0.38), scale(kd, 0.62));
      },
      mixture,
    );
    expect(loss.own).toBeCloseTo(loss.expected!, 5);
    expect(parts).toEqual(["ce", "kd"]);
    expect(gradients.own.map((gradient, i) => relativeError(gradient, gradients.expected[i]!)).filter((error) => error > 1e-4)).toEqual([]);
  });

  test("of mixed images counts as correct what is the image's own class", () => {
    const { student } = recipeOf([]);
    const network = createStudent(student, ["a", "b", "c"], 1);
    const correct = scope(() => {
      const images = fromPixels(8, student.imageSize);
      const logits = network.model.forward(images).toFloat32();
      const answered = Int32Array.from({ length: 8 }, (_, n) => {
        const row = logits.subarray(3 * n, 3 * n + 3);
        return row.indexOf(Math.max(...row));
      });
      // Six images of eight have the class that is answered, though the mixtures are all of another.
      const labels = answered.map((label, n) => (n < 6 ? label : (label + 1) % 3));
      const others = labels.map((label) => (label + 1) % 3);
      const mixture = oneHot(fromArray(others, [8]), 3);
      const { readings } = new Criterion(network, null, null).compute({ images, labels: fromArray(labels, [8]), mixture, teacher: new Map() });
      const { names, tensor } = readings.find(({ names }) => names.includes("correct"))!;
      return tensor.toFloat32()[names.indexOf("correct")];
    });
    network.model.release();
    expect(correct).toBe(6);
  });

  /** The criterion's loss and gradients beside those of another way to compute them. */
  function computed(terms: Term[], labels: number, expected: (batch: Batch, logits: Tensor) => Tensor, mixture?: () => Tensor) {
    const recipe = recipeOf(terms);
    const student = createStudent(recipe.student, ["a", "b", "c"], 1);
    const criterion = new Criterion(student, { labels, terms, images: "all", cacheTeacher: true }, null);
    const gradientsOf = (loss: Tensor) => {
      backward(loss);
      return [...student.model.parameters().values()].map(({ grad }) => grad!.toFloat32());
    };
    const results = scope(() => {
      const batch = { ...batchOf(recipe), mixture: mixture?.() };
      const own = criterion.compute(batch).loss;
      const ownGradients = scope(() => gradientsOf(own));
      const other = expected(batch, student.model.forward(batch.images));
      const gradients = { own: ownGradients, expected: scope(() => gradientsOf(other)) };
      return { loss: { own: own.toFloat32()[0], expected: other.toFloat32()[0] }, parts: criterion.parts, gradients };
    });
    student.model.release();
    return results;
  }

  function batchOf({ student }: Recipe): Batch {
    const images = fromPixels(8, student.imageSize);
    return {
      images,
      labels: labelsOf(data.train, INDICES),
      teacher: new Map([["logits", teacher.model.forward(images)]]),
    };
  }

  function fromPixels(count: number, size: number): Tensor {
    const shown = { indices: Int32Array.from({ length: count }, (_, i) => i), views: null };
    return render(data.train, shown, { imageSize: size, ...teacher.normalization, precision: "fp32" });
  }
});

describe("an objective with features and weights of its own", () => {
  const endOf = ({ student, hashes, position: { optimizerSteps } }: Trainer) => ({ weights: hashWeights(student.model), hashes, optimizerSteps });

  async function finish(trainer: Trainer) {
    const { recorded: noted, hooks } = recording();
    await train([trainer], hooks);
    const state = [...trainer.state()].map(([name, tensor]) => [name, backend().checksum(tensor.handle)]);
    const end = { ...endOf(trainer), noted, state, summary: trainer.teacher!.summary };
    trainer.release();
    return end;
  }

  test.each([{ terms: [locality, soft] }, { terms: others }])(
    "ends in the same bits whether the teacher's answers are remembered, known or asked for again: $terms",
    async ({ terms }) => {
      const augment = { crop: 0, flip: true };
      const recipe = (cacheTeacher: boolean) => recipeOf(terms, { cacheTeacher, train: { epochs: 3, batchSize: 9 }, augment });
      const cache = new AnswerCache();
      const { summary: first, ...remembering } = await finish(studentOf(recipe(true), cache));
      const { summary: second, ...known } = await finish(studentOf(recipe(true), cache));
      const { summary: third, ...asking } = await finish(studentOf(recipe(false)));
      expect(remembering).toEqual(asking);
      expect(known).toEqual({ ...asking, noted: known.noted });
      expect(known.noted).toEqual(asking.noted);
      expect(first).toMatch(/^teacher's answers: [45]\d computed, \d+ from the cache$/);
      expect([second, third]).toEqual(["teacher's answers: 0 computed, 84 from the cache", "teacher's answers: 84 computed, 0 from the cache"]);
    },
  );

  test("does not ask a teacher for logits that no term looks at", async () => {
    const cache = new AnswerCache();
    await finish(studentOf(recipeOf([locality]), cache));
    // Logits were not among the answers: another run that needs them asks again.
    const { summary } = await finish(studentOf(recipeOf([soft]), cache));
    expect(summary).not.toMatch(/: 0 computed/);
  });

  test.each([
    { terms: [locality, soft], precision: "fp32", mixup: 0 },
    { terms: [locality, soft], precision: "bf16", mixup: 0 },
    { terms: [locality, soft], precision: "fp32", mixup: 0.4 },
    { terms: others, precision: "fp32", mixup: 0.4 },
    { terms: others, precision: "bf16", mixup: 0, student: { model: "resnet20_cifar10", patchSize: null } },
    { terms: [token, locality], precision: "bf16", mixup: 0.4, student: DISTILLED },
  ] as const)("resumes in the same bits, $precision, mixup $mixup, $terms", async ({ terms, precision, mixup, ...rest }) => {
    const folder = mkdtempSync(join(tmpdir(), "criterion-"));
    const recipe = recipeOf([...terms], { ...rest, train: { precision, decay: "matrices" }, augment: { mixup } });
    const whole = await finish(studentOf(recipe));
    const stopped = studentOf(recipe);
    for (let i = 0; i < 6; i++) {
      stopped.step();
      if (stopped.epochTrained) stopped.endEpoch(null);
    }
    writeCheckpoint(folder, stopped, null);
    stopped.release();
    const resumed = studentOf(recipe);
    restore(resumed, findCheckpoint(folder)!);
    const end = await finish(resumed);
    expect(end.state).toEqual(whole.state);
    expect(end.hashes).toEqual(whole.hashes);
    rmSync(folder, { recursive: true });
  });

  test("starts its student from the control's weights, and leaves its own out of the exported student", () => {
    const [control, student] = comparisonArms(recipeOf([locality])).map((arm) => trainerOf(arm, data, teacher)) as [Trainer, Trainer];
    expect(student.hashes.initialWeights).toBe(control.hashes.initialWeights);
    expect([...student.state().keys()].filter((name) => name.startsWith("objective."))).toEqual(
      ["mean", "variance", "project.weight", "project.bias"].map((name) => `objective.locality.${name}`),
    );
    const path = join(mkdtempSync(join(tmpdir(), "criterion-")), "student.safetensors");
    saveWeights(student.student.model, path, { classes: data.classes, ...teacher.normalization });
    expect([...readSafetensorsHeader(path).tensors.keys()].filter((name) => name.includes("objective"))).toEqual([]);
    for (const trainer of [control, student]) trainer.release();
  });
});
