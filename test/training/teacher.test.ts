import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Augment, Precision, Recipe } from "../../src-main/contract/recipe";
import type { Dataset } from "../../src-main/data/dataset";
import { createModel } from "../../src-main/models/registry";
import { hashWeights } from "../../src-main/models/weights";
import { backend, fromArray, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { AnswerCache, type AnswerKey } from "../../src-main/training/answer-cache";
import { train } from "../../src-main/training/loop";
import type { TrainedNetwork } from "../../src-main/training/network";
import { Planner, viewKeys } from "../../src-main/training/plan";
import type { Trainer } from "../../src-main/training/trainer";
import { recording, smallData, smallRecipe, smallTeacher, trainerOf } from "./small-experiment";

let data: Dataset;
let teacher: TrainedNetwork;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  teacher = smallTeacher();
});

const AS_STORED: Augment = { crop: 0, flip: false, views: null, mixup: 0, cutmix: 0, resizedCrop: 0, erase: 0 };

const EVERYTHING: Partial<Augment> = { flip: true, resizedCrop: 0.3, erase: 0.5, mixup: 0.4, cutmix: 1 };

interface Variant {
  augment?: Partial<Augment>;
  cacheTeacher?: boolean;
  train?: Partial<Recipe["train"]>;
}

/** 28 images in batches of 9: the last batch of an epoch has a single image. */
function recipeOf({ augment = {}, cacheTeacher = true, train = {} }: Variant = {}): Recipe {
  const recipe = smallRecipe({ epochs: 3, batchSize: 9, evaluateEvery: 3, ...train });
  return { ...recipe, augment: { ...AS_STORED, ...augment }, distillation: { ...recipe.distillation!, cacheTeacher } };
}

/** Trains to the end from wherever the trainer is, and releases it. */
async function finish(trainer: Trainer) {
  const { recorded, hooks } = recording();
  await train([trainer], hooks);
  const end = { weights: hashWeights(trainer.student.model), hashes: trainer.hashes };
  trainer.release();
  return { recorded, end, summary: trainer.teacher!.summary };
}

const student = (recipe: Recipe, cache?: AnswerCache) => trainerOf({ name: "student", recipe }, data, teacher, cache);

/** Number of different views in the runs of these recipes. */
function viewsShown(...recipes: Recipe[]): number {
  const wholeEpoch = (recipe: Recipe) => ({ ...recipe, train: { ...recipe.train, batchSize: 28 } });
  const keys = recipes.flatMap((recipe) => [1, 2, 3].flatMap((epoch) => viewKeys(new Planner(data.train, wholeEpoch(recipe)).plan(epoch, 0))));
  return new Set(keys).size;
}

describe("a run that caches the teacher's answers gives bitwise the same result as one that asks every time", () => {
  test.each<{ shown: string; augment: Partial<Augment>; precision: Precision }>([
    { shown: "as stored", augment: { crop: 0, flip: false }, precision: "fp32" },
    { shown: "as stored, in bf16", augment: { crop: 0, flip: false }, precision: "bf16" },
    { shown: "flipped", augment: { crop: 0, flip: true }, precision: "fp32" },
    { shown: "cropped", augment: { crop: 1, flip: true }, precision: "fp32" },
    { shown: "cropped, in two views of each image", augment: { crop: 1, flip: true, views: 2 }, precision: "fp32" },
    { shown: "mixed", augment: { mixup: 0.4 }, precision: "fp32" },
    { shown: "cropped and mixed, in two mixtures of each image", augment: { crop: 1, flip: true, mixup: 0.4, views: 2 }, precision: "fp32" },
    { shown: "in parts", augment: { resizedCrop: 0.3, flip: true }, precision: "fp32" },
    { shown: "erased", augment: { crop: 1, erase: 0.5 }, precision: "fp32" },
    { shown: "with CutMix", augment: { cutmix: 1 }, precision: "fp32" },
    { shown: "in parts, erased, with mixup and CutMix, two of each image", augment: { ...EVERYTHING, views: 2 }, precision: "fp32" },
    { shown: "in parts, erased, with mixup and CutMix, in bf16", augment: EVERYTHING, precision: "bf16" },
    { shown: "mixed, in two mixtures of each image, in bf16", augment: { mixup: 1, views: 2 }, precision: "bf16" },
  ])("$shown", async ({ augment, precision }) => {
    const computed = viewsShown(recipeOf({ augment }));
    const remembering = await finish(student(recipeOf({ augment, train: { precision } })));
    const asking = await finish(student(recipeOf({ augment, train: { precision }, cacheTeacher: false })));
    expect(remembering.end).toEqual(asking.end);
    expect(remembering.recorded).toEqual(asking.recorded);
    expect(remembering.summary).toBe(`teacher's answers: ${computed} computed, ${84 - computed} from the cache`);
    expect(asking.summary).toBe("teacher's answers: 84 computed, 0 from the cache");
  });

  test("even if the cache is lost, or switched off or on within an epoch", async () => {
    const augment = { crop: 0, flip: true };
    const { end } = await finish(student(recipeOf({ augment })));
    const stopped = student(recipeOf({ augment }));
    for (let i = 0; i < 6; i++) {
      stopped.step();
      if (stopped.epochTrained) stopped.endEpoch(null);
    }
    for (const cacheTeacher of [true, false]) {
      const resumed = student(recipeOf({ augment, cacheTeacher }));
      for (const [name, tensor] of resumed.state()) backend().copy({ from: stopped.state().get(name)!.handle, to: tensor.handle });
      resumed.continueFrom(stopped.position);
      expect((await finish(resumed)).end).toEqual(end);
    }
    stopped.release();
  });
});

describe("the cache", () => {
  const computed = async (trainer: Trainer) => Number(/(\d+) computed/.exec((await finish(trainer)).summary)![1]);

  test.each<[what: string, augment: Partial<Augment>, computed: number]>([
    ["new views in every epoch", { crop: 1, flip: true, mixup: 0.4 }, 84],
    ["two views", { crop: 1, flip: true, mixup: 0.4, views: 2 }, 56],
    ["one view", { mixup: 0.4, views: 1 }, 28],
  ])("spares all mixtures that were shown before: %s", async (_, augment, expected) => {
    const cache = new AnswerCache();
    expect(await computed(student(recipeOf({ augment }), cache))).toBe(expected);
    expect(await computed(student(recipeOf({ augment }), cache))).toBe(0);
  });

  test("serves every later run with the same teacher and images, whatever else differs", async () => {
    const cache = new AnswerCache();
    const augment = { crop: 1, flip: true };
    const first = recipeOf({ augment });
    expect(await computed(student(first, cache))).toBe(viewsShown(first));
    const other = recipeOf({ augment, train: { learningRate: 1e-4, optimizer: "sgd", batchSize: 5 } });
    expect(
      await computed(
        student({ ...other, distillation: { labels: 0.1, terms: [{ kind: "soft", weight: 0.9, temperature: 4 }], images: "all", cacheTeacher: true } }, cache),
      ),
    ).toBe(0);
    // Another seed shows only some of the same views.
    const otherSeed = recipeOf({ augment, train: { seed: 6 } });
    expect(await computed(student(otherSeed, cache))).toBe(viewsShown(first, otherSeed) - viewsShown(first));
  });

  test.each<[what: string, change: () => { recipe?: Recipe; data?: Dataset; teacher?: TrainedNetwork }]>([
    ["of other weights", () => ({ teacher: { ...teacher, hash: "other" } })],
    ["of another size", () => ({ teacher: smallTeacher({ imageSize: 16 }) })],
    ["of another normalisation", () => ({ teacher: { ...teacher, normalization: { mean: [0, 0, 0], std: [1, 1, 1] } } })],
    ["in another precision", () => ({ recipe: recipeOf({ train: { precision: "bf16" } }) })],
    ["of other images", () => ({ data: { ...data, hash: "other" } })],
  ])("does not serve a teacher %s", async (_, change) => {
    const cache = new AnswerCache();
    const computedWith = async ({ recipe = recipeOf(), data: seen = data, teacher: asked = teacher }) =>
      computed(trainerOf({ name: "student", recipe }, seen, asked, cache));
    expect(await computedWith({})).toBe(28);
    expect(await computedWith({})).toBe(0);
    expect(await computedWith(change())).toBe(28);
  });

  test("does not serve answers whose bf16 factors were multiplied otherwise", async () => {
    const cache = new AnswerCache();
    const asked = () => computed(student(recipeOf(), cache));
    expect([await asked(), await asked()]).toEqual([28, 0]);
    const own = backend().cpuFeatures();
    const features = vi.spyOn(backend(), "cpuFeatures").mockReturnValue({ ...own, bf16Products: own.bf16Products === "bf16" ? "fp32" : "bf16" });
    expect(await asked()).toBe(28);
    features.mockRestore();
  });

  const key: AnswerKey = {
    ...{ model: "a", weights: "b", imageSize: 32, normalization: { mean: [0, 0, 0], std: [1, 1, 1] } },
    ...{ logits: true, features: [], data: "c", precision: "fp32", device: "cpu", isa: "avx2", bf16Products: "fp32" },
  };

  test.each<Partial<AnswerKey>>([
    { model: "other" },
    { weights: "other" },
    { imageSize: 64 },
    { normalization: { mean: [0, 0, 0], std: [1, 1, 0.5] } },
    { data: "other" },
    { precision: "bf16" },
    { device: "cuda" },
    { isa: "avx512" },
    { bf16Products: "bf16" },
  ])("is forgotten with %o", (change) => {
    const cache = new AnswerCache();
    cache.of(key, 2).place(7)!.set([1, 2]);
    expect(cache.of({ ...key }, 2).get(7)).toEqual(Float32Array.of(1, 2));
    expect(cache.of({ ...key, ...change }, 2).get(7)).toBeUndefined();
  });

  test("asks for no answers that it has no room for", async () => {
    const reads = async (cache: AnswerCache) => {
      const readLater = vi.spyOn(backend(), "readLater");
      await finish(student(recipeOf(), cache));
      const count = readLater.mock.calls.length;
      readLater.mockRestore();
      return count;
    };
    // The losses of 12 batches; and the answers to the first epoch's, but its last, a single image.
    expect([await reads(new AnswerCache(0)), await reads(new AnswerCache())]).toEqual([24, 27]);
  });

  test("stays within its memory limit by keeping the earliest rows", () => {
    const logits = new AnswerCache(300).of(key, 2);
    for (const view of [5, 6, 7, 8, 5]) logits.place(view)?.set([view, -view]);
    expect([5, 6, 7, 8].map((view) => logits.get(view)?.[1])).toEqual([-5, -6, -7, undefined]);
  });

  test("takes no more memory than it may for rows as large as feature maps", () => {
    const [width, most] = [16 * 16 * 512, 4 * 2 ** 20];
    const maps = new AnswerCache(most).of(key, width);
    const before = process.memoryUsage().arrayBuffers;
    maps.place(5)!.fill(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * most);
  });
});

// The cache relies on this.
describe("an image's logits do not depend on the rest of its batch", () => {
  const images = 20;
  const models = [
    ["resnet20_cifar10", 32],
    ["resnet20_cifar10", 6],
    ["resnet18", 32],
    ["vit_micro_patch4_32", 32],
  ] as const;
  const variants = models.flatMap(([name, imageSize]) => (["f32", "bf16"] as const).map((dtype) => ({ name, imageSize, dtype })));

  test.each(variants)("$name at $imageSize px, $dtype", ({ name, imageSize, dtype }) => {
    const model = createModel(name, { classes: 10, imageSize, seed: 3 }).eval();
    const size = imageSize * imageSize * 3;
    const pixels = Float32Array.from({ length: images * size }, (_, i) => 2 * Math.sin(i * i));
    const logitsOf = (first: number, end: number) =>
      scope(() => noGrad(() => model.forward(fromArray(pixels.slice(first * size, end * size), [end - first, imageSize, imageSize, 3], dtype)).toFloat32()));
    const expected = logitsOf(0, images);
    for (const [first, end] of [
      [0, 2],
      [1, 4],
      [3, 8],
      [2, 19],
    ] as const)
      expect(logitsOf(first, end)).toEqual(expected.slice(first * 10, end * 10));
    model.release();
  });
});
