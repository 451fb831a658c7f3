import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { Recipe } from "../../src-main/contract/recipe";
import { Run } from "../../src-main/engine/run";
import { SameThread } from "../../src-main/engine/trainer-thread";
import { useBackend } from "../../src-main/tensor/tensor";
import { experimentFolder, nobody, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(() => {
  useBackend(loadAddon());
  folder = experimentFolder();
});
afterAll(() => folder.remove());

test("a run of one arm says once that it leaves the control's settings out", async () => {
  const alone: Recipe = { ...smallRecipe(folder.teacher), teacher: null, distillation: null, control: { train: { learningRate: 0.5, momentum: 0.8 } } };
  const out = folder.path("alone");
  const words = "one arm is trained, so control.train.learningRate, control.train.momentum of the recipe have no effect: they are for a comparison";
  expect((await trainInto(out, alone, { stopAfter: 2 })).said).toEqual([words]);
  expect((await trainInto(out, alone, { resume: true })).said).toEqual([]);
  expect((await trainInto(folder.path("plain"), { ...alone, control: { train: {} } })).said).toEqual([]);
});

test("a run says once which settings have no effect", async () => {
  const { train, distillation, ...rest } = smallRecipe(folder.teacher);
  const recipe: Recipe = { ...rest, train: { ...train, epochs: 1, momentum: 0.5 }, distillation: { ...distillation!, images: "labelled" } };
  const out = folder.path("without-effect");
  expect((await trainInto(out, recipe, { stopAfter: 2 })).said).toEqual([
    "train.momentum has no effect: it is for the optimizer sgd only",
    "distillation.images has no effect: it is for images without labels only",
  ]);
  expect((await trainInto(out, recipe, { resume: true })).said).toEqual([]);
});

test("a recipe that a run cannot resume with is refused in the words of the short form, if both have it", async () => {
  const recipe = smallRecipe(folder.teacher);
  const [soft] = recipe.distillation!.terms;
  const out = folder.path("resumed");
  await trainInto(out, recipe, { stopAfter: 2 });
  const refusal = async (distillation: Partial<Recipe["distillation"]>) => {
    const other = { ...recipe, distillation: { ...recipe.distillation!, ...distillation } };
    return new Run({ kind: "compare", recipe: other, out, resume: true }, nobody, new SameThread()).watch(0, () => {}).catch(({ message }) => message);
  };
  expect(await refusal({ labels: 1 - 0.7, terms: [{ ...soft!, weight: 0.7 }] })).toContain(
    "was started with distillation.alpha 0.5, and the recipe now says 0.7",
  );
  expect(await refusal({ terms: [{ ...soft!, temperature: 4 } as typeof soft & object] })).toContain("was started with distillation.temperature 2,");
  expect(await refusal({ labels: 2 })).toContain("was started with distillation.labels 0.5, and the recipe now says 2");
});

test("a setting of the control's own is named as it is written", async () => {
  const recipe = smallRecipe(folder.teacher);
  const out = folder.path("tuned");
  const tuned = (learningRate: number): Recipe => ({ ...recipe, control: { train: { learningRate } } });
  await trainInto(out, tuned(0.02), { stopAfter: 2 });
  const { failure } = await trainInto(out, tuned(0.03), { resume: true });
  expect(failure).toContain("control was started with control.train.learningRate 0.02, and the recipe now says 0.03");
  const both = { ...recipe.train, learningRate: 0.04 };
  expect((await trainInto(out, { ...recipe, train: both }, { resume: true })).failure).toContain("was started with train.learningRate 0.02");
});
