import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Progress } from "../../src-main/contract/notices";
import type { Recipe } from "../../src-main/contract/recipe";
import type { BatchRecord } from "../../src-main/contract/run";
import type { Dataset } from "../../src-main/data/dataset";
import { backend, useBackend } from "../../src-main/tensor/tensor";
import { comparisonArms } from "../../src-main/training/compare";
import { isKeepable } from "../../src-main/training/evaluate";
import { type EpochAnswers, examplesOf, train } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

let data: Dataset;
let teacher: TrainedNetwork;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  teacher = smallTeacher();
});

test("a control learns, and its records are numbered from 1 to the end", async () => {
  const [control] = comparisonArms(smallRecipe({ epochs: 6 }));
  const trainer = trainerOf(control, data, teacher);
  const { recorded, hooks } = recording();
  await train([trainer], hooks);
  const records = recorded.map(({ record }) => record);
  expect(records.filter((record) => "iter" in record).map(({ epoch, iter }) => [epoch, iter])).toEqual(
    [1, 2, 3, 4, 5, 6].flatMap((epoch) => [1, 2, 3, 4].map((iter) => [epoch, iter])),
  );
  expect(records.at(-1)).toMatchObject({ epoch: 6, testAcc: 1 });
  expect((records.at(-1) as { trainAcc: number }).trainAcc).toBeGreaterThan(0.9);
  expect(trainer.finished).toBe(true);
  trainer.release();
});

test("the running accuracy and mean loss of an epoch weight every image equally", async () => {
  const trainer = trainerOf({ name: "student", recipe: smallRecipe({ epochs: 1 }) }, data, teacher);
  const { recorded, hooks } = recording();
  await train([trainer], hooks);
  const batches = recorded.flatMap(({ record }) => ("iter" in record ? [record] : []));
  const epoch = recorded.at(-1)!.record as { trainLoss: number; trainAcc: number };
  // 28 images: three batches of 8 and one of 4.
  const sizes = [8, 8, 8, 4];
  expect(epoch.trainLoss).toBeCloseTo(batches.reduce((sum, { loss }, i) => sum + loss * sizes[i]!, 0) / 28, 6);
  expect(epoch.trainAcc).toBe(batches.at(-1)!.trainAcc);
  expect(Number.isInteger(Math.round(epoch.trainAcc * 28 * 1e6) / 1e6)).toBe(true);
  trainer.release();
});

test("an epoch ends with answers to the same eight test images, and the last one with those to all", async () => {
  const trainer = trainerOf({ name: "student", recipe: smallRecipe({ epochs: 2 }) }, data, teacher);
  const answers: EpochAnswers[] = [];
  const { hooks } = recording({ onEpoch: (_, __, each) => void answers.push(each) });
  await train([trainer], hooks);
  // Ten test images of three classes in turn.
  const examples = examplesOf(data.test);
  expect([...examples]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...examplesOf({ labels: Int32Array.of(2, 2, 0, 2, 0) })]).toEqual([2, 0, 4, 1, 3]);
  expect(answers.map(({ all, examples }) => [all?.length ?? null, examples.length])).toEqual([
    [null, 24],
    [30, 24],
  ]);
  expect(answers[1]!.all!.subarray(0, 24)).toEqual(answers[1]!.examples);
  trainer.release();
});

test("so many probabilities that they would fill the memory are not kept", () => {
  expect([isKeepable({ count: 50_000 }, 100), isKeepable({ count: 50_001 }, 100)]).toEqual([true, false]);
});

describe("a comparison", () => {
  test("starts both arms from the same weights, feeds them the same batches, and alternates between them by epoch", async () => {
    const trainers = comparisonArms(smallRecipe()).map((arm) => trainerOf(arm, data, teacher));
    const { recorded, hooks } = recording();
    await train(trainers, hooks);
    const [control, student] = trainers.map(({ hashes }) => hashes);
    expect(student!.initialWeights).toBe(control!.initialWeights);
    expect(student!.batches).toBe(control!.batches);
    expect(control!.batches).toMatch(/^[0-9a-f]{64}$/);
    expect([control!.teacher, student!.teacher]).toEqual([null, "teacher"]);

    const turns = recorded.filter(({ record }) => !("iter" in record)).map(({ arm, record }) => `${arm} ${record.epoch}`);
    expect(turns).toEqual(["control 1", "student 1", "control 2", "student 2"]);
    const firsts = recorded.filter(({ record }) => "iter" in record && record.epoch === 1 && record.iter === 1).map(({ record }) => record);
    const [ofControl, ofStudent] = firsts.map((record) => (record as BatchRecord).parts);
    expect(Object.keys(ofControl!)).toEqual(["ce"]);
    expect(ofStudent!.ce).toBe(ofControl!.ce);
    expect(ofStudent!.kd).toBeGreaterThan(0);
    for (const trainer of trainers) trainer.release();
  });

  test("gives different hashes for a different seed", () => {
    const hashesWith = (seed: number) => {
      const trainer = trainerOf(comparisonArms(smallRecipe({ seed }))[0], data, teacher);
      trainer.step();
      const { hashes } = trainer;
      trainer.release();
      return hashes;
    };
    const [five, again, six] = [hashesWith(5), hashesWith(5), hashesWith(6)];
    expect(again).toEqual(five);
    expect(six.initialWeights).not.toBe(five.initialWeights);
    expect(six.batches).not.toBe(five.batches);
  });

  test("applies the control's own settings, and needs a distillation", () => {
    const recipe = smallRecipe();
    const [control, student] = comparisonArms({ ...recipe, control: { train: { learningRate: 0.5 } } });
    expect(control.recipe).toMatchObject({ distillation: null, train: { learningRate: 0.5, epochs: 2 } });
    expect(student.recipe).toMatchObject({ distillation: recipe.distillation, train: { learningRate: 3e-3 } });
    expect(() => comparisonArms({ ...recipe, distillation: null })).toThrow(/distillation/);
  });

  test("reports its progress over both arms", async () => {
    const trainers = comparisonArms(smallRecipe()).map((arm) => trainerOf(arm, data, teacher));
    const reported: Progress[] = [];
    await train(trainers, recording({ onBatch: (_trainer, _record, progress) => void reported.push(progress) }).hooks);
    expect(reported.map(({ done }) => done)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    expect(new Set(reported.map(({ total }) => total))).toEqual(new Set([16]));
    expect(reported.every(({ secondsLeft, imagesPerSecond }) => secondsLeft > 0 && imagesPerSecond > 0)).toBe(true);
    for (const trainer of trainers) trainer.release();
  });
});

test("the network is tested every few epochs and after the last", async () => {
  const trainer = trainerOf({ name: "single", recipe: { ...smallRecipe({ epochs: 3, evaluateEvery: 2 }), distillation: null } }, data, teacher);
  const { recorded, hooks } = recording();
  await train([trainer], hooks);
  const tested = recorded.flatMap(({ record }) => ("testAcc" in record ? [record.testAcc !== null && record.testLoss !== null] : []));
  expect(tested).toEqual([false, true, true]);
  trainer.release();
});

describe("train.batches", () => {
  const trained = async (settings: Partial<Recipe["train"]>) => {
    const trainer = trainerOf({ name: "student", recipe: smallRecipe({ epochs: 3, schedule: "cosine-step", ...settings }) }, data, teacher);
    const reported: Progress[] = [];
    const { recorded, hooks } = recording({ onBatch: (_trainer, _record, progress) => void reported.push(progress) });
    await train([trainer], hooks);
    const records = recorded.map(({ record }) => record);
    const position = { finished: trainer.finished, batchesDone: trainer.batchesDone };
    trainer.release();
    const batches = records.flatMap((record) => ("iter" in record ? [{ ...record, imagesPerSecond: 0 }] : []));
    return { batches, epochs: records.flatMap((record) => ("iter" in record ? [] : [record])), reported, position };
  };

  test("ends training in the middle of an epoch, with a test, and changes nothing before", async () => {
    const [whole, short] = [await trained({}), await trained({ batches: 6 })];
    expect(short.batches).toEqual(whole.batches.slice(0, 6));
    expect(short.epochs.map(({ epoch, testAcc }) => [epoch, testAcc !== null])).toEqual([
      [1, true],
      [2, true],
    ]);
    expect(short.position).toEqual({ finished: true, batchesDone: 6 });
    expect(short.reported.at(-1)).toMatchObject({ done: 6, total: 6 });
  });

  test("tests once in an epoch that is never whole", async () => {
    const { batches, epochs } = await trained({ batches: 2, evaluateEvery: 2 });
    expect([batches.length, epochs.length, epochs[0]!.testAcc !== null]).toEqual([2, 1, true]);
  });

  test("has no effect beyond the last epoch", async () => expect((await trained({ batches: 100 })).batches).toHaveLength(12));

  test("takes a last step for a group of batches that it cuts", async () => {
    const trainer = trainerOf({ name: "student", recipe: smallRecipe({ batches: 3, accumulate: 2 }) }, data, teacher);
    await train([trainer], recording().hooks);
    expect(trainer.position.optimizerSteps).toBe(2);
    trainer.release();
  });
});

test("a loss that is not a number ends training with advice on what to try", async () => {
  const trainer = trainerOf({ name: "control", recipe: { ...smallRecipe({ optimizer: "sgd", learningRate: 1e30 }), distillation: null } }, data, teacher);
  await expect(train([trainer], recording().hooks)).rejects.toThrow(/loss of the control became (NaN|Infinity) in epoch 1, batch 2.*train\.learningRate/);
  await expect(train([trainer], recording().hooks)).rejects.toMatchObject({ code: "DIVERGED" });
  trainer.release();
  const [own] = comparisonArms({ ...smallRecipe({ optimizer: "sgd" }), control: { train: { learningRate: 1e30 } } });
  const tuned = trainerOf(own, data, teacher);
  await expect(train([tuned], recording().hooks)).rejects.toThrow(/lower control\.train\.learningRate \(it is 1e\+30\), or .* train\.warmupEpochs/);
  tuned.release();
});

test("training leaves no memory behind", async () => {
  const before = backend().memoryStats().inUse;
  const trainer = trainerOf({ name: "student", recipe: smallRecipe({ epochs: 1 }) }, data, teacher);
  await train([trainer], recording().hooks);
  trainer.release();
  expect(backend().memoryStats().inUse).toBe(before);
});
