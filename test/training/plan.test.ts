import { expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { hashPlan, Planner, viewNumbers } from "../../src-main/training/plan";
import { smallRecipe } from "./small-experiment";

useBackend(loadAddon());

const planner = (augment: object = {}, train: object = {}, count = 10) => {
  const recipe = smallRecipe({ batchSize: count, ...train });
  return new Planner(count, { ...recipe, augment: { ...recipe.augment, ...augment } });
};

/** The view of each sample in an epoch, by sample. */
function shown(epoch: number, augment: object, train: object = {}): number[] {
  const plan = planner(augment, train).plan(epoch, 0);
  const numbers = viewNumbers(plan);
  return [...plan.indices.keys()].sort((a, b) => plan.indices[a]! - plan.indices[b]!).map((n) => numbers[n]!);
}

const augmented = { crop: 1, flip: true };

test("the batches of an epoch hold every sample once, in an order that changes by epoch", () => {
  const batches = [0, 1, 2, 3].map((batch) => [...planner(augmented, { batchSize: 3 }).plan(1, batch).indices]);
  expect(batches.map(({ length }) => length)).toEqual([3, 3, 3, 1]);
  expect(batches.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...planner(augmented).plan(2, 0).indices]).not.toEqual([...planner(augmented).plan(1, 0).indices]);
});

test("a sample's view depends only on seed, epoch and sample", () => {
  expect(shown(1, augmented, { shuffle: false })).toEqual(shown(1, augmented));
  expect(shown(1, augmented)).not.toEqual(shown(2, augmented));
  expect(shown(1, augmented)).not.toEqual(shown(1, augmented, { seed: 6 }));
});

test("without augmentation every epoch shows the images as stored", () => {
  expect(planner({ crop: 0, flip: false }).plan(1, 0).views).toBeNull();
  expect(shown(2, { crop: 0, flip: false })).toEqual(shown(1, { crop: 0, flip: false }));
});

test("with a number of views each image cycles through them, and the first epochs are as in a run without", () => {
  const views = [1, 2, 3, 4, 5, 6, 7].map((epoch) => shown(epoch, { ...augmented, views: 3 }).join());
  expect(views.slice(0, 3)).toEqual([1, 2, 3].map((epoch) => shown(epoch, augmented).join()));
  expect(views.slice(3)).toEqual([views[0], views[1], views[2], views[0]]);
});

test("a view's number identifies one crop and flip of one sample", () => {
  const numbers = [5, 9].flatMap((sample) =>
    [-1, 0, 1].flatMap((top) =>
      [-1, 0, 1].flatMap((left) => [0, 1].map((flip) => ({ indices: Int32Array.of(sample), views: Int32Array.of(top, left, flip) }))),
    ),
  );
  expect(new Set(numbers.map((view) => viewNumbers(view)[0])).size).toBe(36);
  expect(viewNumbers({ indices: Int32Array.of(5), views: null })).toEqual(viewNumbers({ indices: Int32Array.of(5), views: Int32Array.of(0, 0, 0) }));
});

test("plans that differ in a sample or a view have different hashes", () => {
  const plan = { epoch: 1, indices: Int32Array.of(1, 2), views: Int32Array.of(0, 1, 0, 1, 0, 1) };
  const others = [
    { ...plan, indices: Int32Array.of(2, 1) },
    { ...plan, views: Int32Array.of(0, 1, 1, 1, 0, 1) },
    { ...plan, views: null },
  ];
  expect(new Set([plan, ...others].map(hashPlan)).size).toBe(4);
  expect(hashPlan({ ...plan, epoch: 2 })).toBe(hashPlan(plan));
});
