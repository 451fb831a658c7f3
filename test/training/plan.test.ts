import { expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { hashPlan, Planner, type ViewKey, viewKeys } from "../../src-main/training/plan";
import { smallRecipe } from "./small-experiment";

useBackend(loadAddon());

const planner = (augment: object = {}, train: object = {}, count = 10) => {
  const recipe = smallRecipe({ batchSize: count, ...train });
  return new Planner({ count, H: 8, W: 8 }, { ...recipe, augment: { ...recipe.augment, ...augment } });
};

/** What an epoch shows of each sample, by sample. */
function shown(epoch: number, augment: object, train: object = {}): ViewKey[] {
  const { batchSize = 10 } = train as { batchSize?: number };
  const keys = new Map<number, ViewKey>();
  for (let batch = 0; batch < 10 / batchSize; batch++) {
    const plan = planner(augment, train).plan(epoch, batch);
    for (const [n, key] of viewKeys(plan).entries()) keys.set(plan.indices[n]!, key);
  }
  return Array.from({ length: 10 }, (_, sample) => keys.get(sample)!);
}

const augmented = { crop: 1, flip: true };
const mixed = { ...augmented, mixup: 0.4 };
const all = { flip: true, crop: 0, resizedCrop: 0.2, erase: 0.5, mixup: 0.4, cutmix: 1 };

test("the batches of an epoch hold every sample once, in an order that changes by epoch", () => {
  const batches = [0, 1, 2, 3].map((batch) => [...planner(augmented, { batchSize: 3 }).plan(1, batch).indices]);
  expect(batches.map(({ length }) => length)).toEqual([3, 3, 3, 1]);
  expect(batches.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect([...planner(augmented).plan(2, 0).indices]).not.toEqual([...planner(augmented).plan(1, 0).indices]);
});

test.each([
  ["view", augmented],
  ["mixture", mixed],
  ["mixture of parts", all],
])("a sample's %s depends on seed, epoch and sample alone", (_, augment) => {
  expect(shown(1, augment, { shuffle: false })).toEqual(shown(1, augment));
  expect(shown(1, augment, { batchSize: 3 })).toEqual(shown(1, augment));
  expect(shown(1, augment)).not.toEqual(shown(2, augment));
  expect(shown(1, augment)).not.toEqual(shown(1, augment, { seed: 6 }));
});

test("mixing leaves each sample's own view, and shows its partner in the view that it has itself in that epoch", () => {
  const { indices, views, mix } = planner(mixed).plan(2, 0);
  expect({ indices, views }).toEqual({ indices: planner(augmented).plan(2, 0).indices, views: planner(augmented).plan(2, 0).views });
  const viewOf = (sample: number) => views!.subarray(3 * indices.indexOf(sample), 3 * indices.indexOf(sample) + 3);
  for (const [n, partner] of mix!.partners.entries()) expect(mix!.views!.subarray(3 * n, 3 * n + 3)).toEqual(viewOf(partner));
  expect(planner({ crop: 0, flip: false, mixup: 0.4 }).plan(2, 0)).toMatchObject({ views: null, mix: { views: null, partners: mix!.partners } });
});

test("without augmentation every epoch shows the images as stored", () => {
  expect(planner({ crop: 0, flip: false }).plan(1, 0).views).toBeNull();
  expect(shown(2, { crop: 0, flip: false })).toEqual(shown(1, { crop: 0, flip: false }));
});

test.each([
  ["views", augmented],
  ["mixtures", mixed],
  ["mixtures of parts", all],
  ["mixtures of images as stored", { crop: 0, flip: false, mixup: 0.4 }],
])("with a number of %s each image is shown in these, in turn, the first of them as in a run without", (_, augment) => {
  const views = [1, 2, 3, 4, 5, 6, 7].map((epoch) => shown(epoch, { ...augment, views: 3 }).join());
  expect(views.slice(0, 3)).toEqual([1, 2, 3].map((epoch) => shown(epoch, augment).join()));
  expect(views.slice(3)).toEqual([views[0], views[1], views[2], views[0]]);
});

test("a view's key stands for that crop and flip of that sample alone", () => {
  const numbers = [5, 9].flatMap((sample) =>
    [-1, 0, 1].flatMap((top) =>
      [-1, 0, 1].flatMap((left) => [0, 1].map((flip) => ({ indices: Int32Array.of(sample), views: Int32Array.of(top, left, flip) }))),
    ),
  );
  expect(new Set(numbers.map((view) => viewKeys(view)[0])).size).toBe(36);
  expect(viewKeys({ indices: Int32Array.of(5), views: null })).toEqual(viewKeys({ indices: Int32Array.of(5), views: Int32Array.of(0, 0, 0) }));
});

const mix = { partners: Int32Array.of(3, 4), views: Int32Array.of(0, 0, 1, 1, 1, 0), shares: Float32Array.of(0.5, 0.7) };
/** Each of them with one thing changed, in the first image where it is one. */
const otherMixes = [
  { ...mix, partners: Int32Array.of(5, 4) },
  { ...mix, views: Int32Array.of(0, 0, 0, 1, 1, 0) },
  { ...mix, shares: Float32Array.of(0.5 + 2 ** -24, 0.7) },
];

test("a key stands for that part, erased rectangle and box alone, and plans that differ in one have other hashes", () => {
  const views = Int32Array.of(1, 2, 0, 5, 6, 0, 1, 2, 3);
  const changed = (values: Int32Array, at: number) => values.map((value, i) => (i === at ? value + 1 : value));
  const plain = { epoch: 1, indices: Int32Array.of(3), views };
  const mix = { partners: Int32Array.of(4), views, shares: Float32Array.of(0.75), boxes: Int32Array.of(1, 2, 3, 4) };
  const others = [
    ...Array.from(views, (_, at) => ({ ...plain, views: changed(views, at) })),
    ...Array.from(views, (_, at) => ({ ...plain, mix: { ...mix, views: changed(views, at) } })),
    ...Array.from(mix.boxes, (_, at) => ({ ...plain, mix: { ...mix, boxes: changed(mix.boxes, at) } })),
    { ...plain, mix: { ...mix, boxes: null } },
  ];
  const all = [plain, { ...plain, mix }, ...others];
  expect(new Set(all.flatMap(viewKeys)).size).toBe(25);
  expect(new Set(all.map(hashPlan)).size).toBe(25);
});

test("a mixture's key stands for that partner in that view and share alone", () => {
  const shown = { indices: Int32Array.of(1, 2), views: Int32Array.of(0, 1, 0, 1, 0, 1) };
  const keys = [{ ...shown, mix }, ...otherMixes.map((mix) => ({ ...shown, mix })), { ...shown, views: Int32Array.of(1, 1, 0, 1, 0, 1), mix }, shown].map(
    viewKeys,
  );
  expect(new Set(keys.map(([first]) => first)).size).toBe(6);
  expect(new Set(keys.slice(0, 5).map(([, second]) => second)).size).toBe(1);
  expect(viewKeys({ ...shown, mix: { ...mix } })).toEqual(keys[0]);
});

test("plans that differ in a sample, a view or a mixture have other hashes", () => {
  const plan = { epoch: 1, indices: Int32Array.of(1, 2), views: Int32Array.of(0, 1, 0, 1, 0, 1) };
  const mixtures = [mix, ...otherMixes, { ...mix, views: null }].map((mix) => ({ ...plan, mix }));
  const others = [{ ...plan, indices: Int32Array.of(2, 1) }, { ...plan, views: Int32Array.of(0, 1, 1, 1, 0, 1) }, { ...plan, views: null }, ...mixtures];
  expect(new Set([plan, ...others].map(hashPlan)).size).toBe(9);
  expect(hashPlan({ ...plan, epoch: 2 })).toBe(hashPlan(plan));
});
