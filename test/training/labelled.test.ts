// Training on images of which only some have labels, and by a validation split.
import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { EARLIER, resolveArithmetic } from "../../src-main/contract/arithmetic";
import type { ComparedArm } from "../../src-main/contract/arms";
import type { Term } from "../../src-main/contract/objectives";
import type { Recipe } from "../../src-main/contract/recipe";
import type { BatchRecord } from "../../src-main/contract/run";
import { labelledShares, mixtureOf } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { train } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import { Planner } from "../../src-main/training/plan";
import { measureTeacher } from "../../src-main/training/teacher-statistics";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

let data: Dataset;
let teacher: TrainedNetwork;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  teacher = smallTeacher();
});

const LABELLED = 9;
/** Only the first images have labels. */
function partlyLabelled(): Dataset {
  return { ...data, labelled: LABELLED, train: { ...data.train, labels: data.train.labels.map((label, n) => (n < LABELLED ? label : -1)) } };
}

const recipeWith = (augment: Partial<Recipe["augment"]> = {}, train: Partial<Recipe["train"]> = {}): Recipe => {
  const recipe = smallRecipe(train);
  return { ...recipe, data: { ...recipe.data, labelled: LABELLED, unlabelled: "rest" }, augment: { ...recipe.augment, ...augment } };
};

async function trained(recipe: Recipe, arm: ComparedArm, seen: Dataset) {
  const trainer = trainerOf(comparisonArms(recipe).find(({ name }) => name === arm)!, seen, teacher);
  const { recorded, hooks } = recording();
  await train([trainer], hooks);
  const { hashes } = trainer;
  trainer.release();
  return { hashes, batches: recorded.flatMap(({ record }) => ("iter" in record ? [record as BatchRecord] : [])) };
}

type Trained = Awaited<ReturnType<typeof trained>>;

/** As `smallData` has for training. */
const IMAGES = { count: 28, H: 8, W: 8 };

describe("rounds", () => {
  const planned = () => {
    const planner = new Planner(IMAGES, recipeWith({ crop: 1, flip: true }), LABELLED);
    return Array.from({ length: 8 }, (_, n) => planner.plan(1 + Math.floor(n / 4), n % 4));
  };

  test("show every image once before any of them again, each time in another order and view", () => {
    const indices = planned().flatMap((plan) => [...plan.indices]);
    expect(indices).toHaveLength(56);
    const rounds = Array.from({ length: 6 }, (_, round) => indices.slice(round * LABELLED, (round + 1) * LABELLED));
    for (const round of rounds) expect([...round].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(rounds.map(String)).size).toBe(6);
    const views = planned().flatMap(({ indices, views }) => [...indices].map((sample, n) => `${sample} ${views!.subarray(3 * n, 3 * n + 3)}`));
    expect(new Set(views).size).toBeGreaterThan(3 * LABELLED);
  });

  test("do not depend on where one begins", () => {
    expect(new Planner(IMAGES, recipeWith({ crop: 1, flip: true }), LABELLED).plan(2, 1)).toEqual(planned()[5]);
  });

  test("of as many images as an epoch has are epochs", () => {
    expect(new Planner(IMAGES, recipeWith(), 28).plan(2, 3)).toEqual(new Planner(IMAGES, recipeWith()).plan(2, 3));
  });
});

describe("with images that have no label", () => {
  test("control and student take equal steps; the student is shown all images, the control the labelled ones", async () => {
    const [control, student] = await Promise.all((["control", "student"] as const).map((arm) => trained(recipeWith(), arm, partlyLabelled())));
    expect(control!.batches).toHaveLength(8);
    expect(student!.batches).toHaveLength(8);
    expect(student!.hashes.initialWeights).toBe(control!.hashes.initialWeights);
    expect(student!.hashes.batches).not.toBe(control!.hashes.batches);
    expect(control!.batches.every(({ parts }) => parts.ce! > 0)).toBe(true);
  });

  test("an arm between them learns from the teacher in the control's batches: the same images, round by round", async () => {
    const arms = await Promise.all((["control", "same-images", "student"] as const).map((arm) => trained(recipeWith({ mixup: 0.4 }), arm, partlyLabelled())));
    const [control, sameImages, student] = arms as [Trained, Trained, Trained];
    expect(sameImages.batches.map(({ chain }) => chain)).toEqual(control.batches.map(({ chain }) => chain));
    expect(sameImages.hashes).toMatchObject({ data: control.hashes.data, initialWeights: control.hashes.initialWeights, teacher: student.hashes.teacher });
    expect(sameImages.batches.every(({ parts }) => parts.ce! > 0 && parts.kd! > 0)).toBe(true);
    // As from a teacher where there are no other images.
    const alone = { ...data, train: { ...data.train, count: LABELLED }, labelled: LABELLED };
    const onLabelled = (seen: Dataset) => trained(recipeWith({}, { batchSize: LABELLED }), "same-images", seen);
    expect((await onLabelled(partlyLabelled())).batches[0]).toEqual((await onLabelled(alone)).batches[0]);
  });

  test("the control learns as from the labelled images alone, however many others there are", async () => {
    const alone = { ...data, train: { ...data.train, count: LABELLED }, labelled: LABELLED };
    // Nine images an epoch: so many epochs as rounds.
    const [first] = (await trained(recipeWith({}, { batchSize: LABELLED }), "control", alone)).batches;
    const [same] = (await trained(recipeWith({}, { batchSize: LABELLED }), "control", partlyLabelled())).batches;
    expect(same).toEqual(first);
  });

  test.each([0, 0.4])("their labels mean nothing to the student, mixup %d", async (mixup) => {
    const of = async (seen: Dataset) => (await trained(recipeWith({ mixup }), "student", seen)).batches;
    const known = partlyLabelled();
    expect(await of(known)).toEqual(await of(partlyLabelled()));
    // A label counts where there is one, and its image takes more of the mean the fewer there are.
    const other = { ...known, train: { ...known.train, labels: known.train.labels.map((label, n) => (n === 3 ? (label + 1) % 3 : label)) } };
    expect(await of(other)).not.toEqual(await of(known));
  });

  test("the loss of the labels is the mean over those that there are", async () => {
    const whole = await trained(
      { ...recipeWith(), augment: smallRecipe().augment, train: { ...smallRecipe().train, shuffle: false, epochs: 1 } },
      "student",
      data,
    );
    const partly = await trained({ ...recipeWith(), train: { ...smallRecipe().train, shuffle: false, epochs: 1 } }, "student", partlyLabelled());
    // Batch 1 holds the labelled images 0 to 7, batch 2 image 8 and others, batch 3 none with a label.
    expect(partly.batches[0]!.parts.ce).toBe(whole.batches[0]!.parts.ce);
    expect(partly.batches[2]!.parts.ce).toBe(0);
    expect(partly.batches[2]!.loss).toBeCloseTo(0.5 * partly.batches[2]!.parts.kd!, 6);
    expect(partly.batches.map(({ trainAcc }) => Math.round(trainAcc * LABELLED * 1e6) / 1e6).every((correct) => correct <= LABELLED)).toBe(true);
    expect(partly.batches[3]!.trainAcc).toBe(partly.batches[1]!.trainAcc);
  });

  const locality: Term = { kind: "locality", weight: 4, block: 2, stage: null };
  test.each<[string, Term[], number]>([
    ["in one op with soft labels", [{ kind: "soft", weight: 0.5, temperature: 2 }], 0],
    ["beside features", [locality], 0],
    ["smoothed", [locality], 0.2],
  ])("three labels among eight images give the loss of those three alone: %s", (_, terms, labelSmoothing) => {
    const recipe = recipeWith({}, { shuffle: false, labelSmoothing });
    const student = { ...recipe.student, model: "vit_micro_patch4_32", imageSize: 8, patchSize: 4 };
    const distilled = { ...recipe, student, distillation: { labels: 0.5, terms, images: "all" as const, cacheTeacher: true } };
    const firstLoss = (count: number) => {
      const labels = data.train.labels.map((label, n) => (n < 3 ? label : -1));
      const trainer = trainerOf({ name: "student", recipe: distilled }, { ...data, labelled: 3, train: { ...data.train, count, labels } }, teacher);
      const { parts, trainAcc } = trainer.step().record;
      trainer.release();
      return [parts.ce, trainAcc];
    };
    const [alone, among] = [firstLoss(3), firstLoss(8)];
    expect(among[0]).toBeCloseTo(alone[0]!, 5);
    expect(among[1]).toBe(alone[1]);
  });

  test.each([
    ["all", 28],
    ["labelled", LABELLED],
  ] as const)("the teacher's features are measured on the images that its student is shown: %s", async (images, count) => {
    const distillation = { labels: 1, terms: [locality], images, cacheTeacher: true };
    const measured: number[] = [];
    await measureTeacher(
      teacher,
      partlyLabelled(),
      { ...resolveArithmetic(recipeWith(), EARLIER), distillation },
      { yieldPoint: async () => {}, onStart: (n) => measured.push(n) },
    );
    expect(measured).toEqual([count]);
  });

  test("a mixture counts as much as the share of it that has a label, and not at all if its image has none", () => {
    const shown = {
      indices: Int32Array.of(0, 1, 20, 3),
      views: null,
      mix: { partners: Int32Array.of(4, 21, 2, 3), views: null, shares: Float32Array.of(0.75, 0.75, 0.5, 1) },
    };
    const { train } = partlyLabelled();
    const { shares, scale } = labelledShares(train, shown);
    expect([...shares]).toEqual([1, 0.75, 0, 1]);
    expect(scale).toBeCloseTo(4 / 2.75, 12);
    const mixture = mixtureOf(train, shown.indices, shown.mix, 3, scale).toFloat32();
    expect([0, 1, 2, 3].map((n) => mixture.subarray(3 * n, 3 * n + 3).reduce((sum, value) => sum + value, 0) / scale)).toEqual(
      [1, 0.75, 0, 1].map((share) => expect.closeTo(share, 6)),
    );
  });
});

describe("with validation images", () => {
  test("the student is measured on them too, in the epochs in which it is tested", async () => {
    const seen = { ...data, validation: { ...data.test, count: 6 } };
    const trainer = trainerOf({ name: "single", recipe: { ...smallRecipe({ epochs: 3, evaluateEvery: 2 }), distillation: null } }, seen, teacher);
    const measured: [images: number, split: string][] = [];
    const { recorded, hooks } = recording({ onTest: (_, images, split) => void measured.push([images, split]) });
    await train([trainer], hooks);
    expect(measured).toEqual(
      [2, 3].flatMap(() => [
        [6, "validation"],
        [10, "test"],
      ]),
    );
    const epochs = recorded.flatMap(({ record }) => ("iter" in record ? [] : [record]));
    expect(epochs.map(({ valAcc, valLoss }) => [valAcc !== null, valLoss !== null])).toEqual([
      [false, false],
      [true, true],
      [true, true],
    ]);
    expect(Number.isInteger(Math.round(epochs[2]!.valAcc! * 6 * 1e6) / 1e6)).toBe(true);
    trainer.release();
  });
});
