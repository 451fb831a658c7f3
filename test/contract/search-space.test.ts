import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../src-main/contract/parse-recipe";
import { presetOf } from "../../src-main/contract/presets";
import { assignmentsOf, defaultSpace, parseSpace, sampleOf, withSample } from "../../src-main/contract/search-space";

const { recipe: article } = presetOf("article");
const { recipe: demo } = presetOf("demo");
const problemOf = (...over: string[]) => {
  try {
    return String(parseSpace(over, article));
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a range of values", () => {
  const valuesOf = (over: string, ...draws: number[]) => draws.map((u) => Object.values(sampleOf(parseSpace([over], article), () => u))[0]);
  const last = 1 - 2 ** -24;

  it("log: each factor is as likely, to three digits, and within the ends", () =>
    expect(valuesOf("train.learningRate=log:1e-5:1e-2", 0, 0.5, last)).toEqual([1e-5, 0.000316, 0.01]));
  it("uniform: each stretch is as likely", () => expect(valuesOf("distillation.temperature=uniform:0.1:5.1", 0, 0.5, last)).toEqual([0.1, 2.6, 5.1]));
  it("whole numbers: each is as likely", () => {
    const draws = Array.from({ length: 30 }, (_, i) => (i + 0.5) / 30);
    const counts = [4, 5, 6].map((size) => valuesOf("train.accumulate=uniform:4:6", ...draws).filter((value) => value === size).length);
    expect(counts).toEqual([10, 10, 10]);
    expect(valuesOf("train.batchSize=log:16:256", 0, 0.5, last)).toEqual([16, 64, 256]);
  });
  it("choice: of texts, numbers, flags and null", () => {
    expect(valuesOf("train.optimizer=choice:adamw,sgd", 0, last)).toEqual(["adamw", "sgd"]);
    expect(valuesOf("train.clipNorm=choice:null,1", 0, last)).toEqual([null, 1]);
    expect(valuesOf("augment.flip=choice:true,false", 0, last)).toEqual([true, false]);
  });
});

describe("what cannot be searched is refused with what was expected", () => {
  it.each<[string, string[], string]>([
    ["no range", ["train.learningRate"], '--over train.learningRate: expected log:LOW:HIGH, uniform:LOW:HIGH or choice:VALUE,VALUE, got ""'],
    ["another kind of range", ["train.learningRate=normal:0:1"], 'or choice:VALUE,VALUE, got "normal:0:1"'],
    ["one end", ["train.learningRate=log:1e-5"], 'expected log:LOW:HIGH with two numbers, the lower one first, got "log:1e-5"'],
    ["ends in the other order", ["train.learningRate=log:1e-2:1e-5"], 'the lower one first, got "log:1e-2:1e-5"'],
    ["no numbers", ["train.learningRate=uniform:a:b"], 'with two numbers, the lower one first, got "uniform:a:b"'],
    ["a logarithm of 0", ["distillation.alpha=log:0:1"], 'log takes numbers above 0, got "0:1"'],
    [
      "an end outside the setting's range",
      ["distillation.temperature=uniform:0:5"],
      "--over distillation.temperature: expected a number from 0.05 to 100, got 0",
    ],
    ["halves of a whole number", ["train.batchSize=uniform:1.5:4"], "expected an integer from 1 to 8192, got 1.5"],
    ["a range of words", ["train.optimizer=uniform:1:2"], "uniform takes numbers, and this setting is one of adamw, sgd; expected choice:"],
    ["a choice that does not exist", ["train.optimizer=choice:adam,sgd"], 'expected one of adamw, sgd, got "adam"'],
    ["a key that does not exist", ["train.learningrate=log:1e-5:1e-2"], "--over train.learningrate: unknown key; did you mean train.learningRate?"],
    ["a term that does not exist", ["distillation.terms.3.weight=uniform:0:1"], "distillation.terms.3.weight: unknown key"],
    [
      "what would contradict the recipe",
      ["student.patchSize=choice:16,15"],
      "--over student.patchSize: with 15, student.imageSize: expected a multiple of the patch size 15, got 224",
    ],
    ["seeds", ["train.seed=uniform:0:9"], "seeds differ by chance alone"],
    ["how bf16 is multiplied", ["train.bf16Products=choice:fp32,bf16"], "all trials of a search multiply alike"],
    ["what stands for others", ["train.precision=choice:auto,bf16"], "auto stands for one of the others"],
    ["data", ["data.validation=choice:10,20"], "the trials of a search are judged on the same images"],
    ["what has no effect", ["train.momentum=uniform:0:0.9"], "--over train.momentum: has no effect here, as it is for the optimizer sgd only"],
    ["the control", ["control.train.learningRate=log:1e-5:1e-2"], "the control's settings have no effect"],
    ["a key twice", ["train.learningRate=log:1e-5:1e-2", "train.learningRate=log:1e-4:1e-2"], "--over train.learningRate: is given twice"],
    [
      "two names of the same",
      ["distillation.alpha=uniform:0:1", "distillation.terms.0.weight=uniform:0:1"],
      "--over distillation.terms.0.weight: sets what distillation.alpha sets too",
    ],
  ])("%s", (_, over, words) => expect(problemOf(...over)).toContain(words));

  it("but not what another choice gives an effect", () =>
    expect(parseSpace(["train.momentum=uniform:0:0.9", "train.optimizer=choice:adamw,sgd"], article)).toHaveLength(2));

  it("names every problem at once", () => expect(problemOf("train.seed=uniform:0:9", "name=choice:a,b").split("\n")).toHaveLength(2));
});

it("a trial's recipe is the recipe with what --set would set", () => {
  const axes = parseSpace(["train.learningRate=log:1e-5:1e-2", "distillation.alpha=uniform:0:1", "train.optimizer=choice:sgd"], article);
  const sample = sampleOf(axes, () => 0.5);
  expect(assignmentsOf(sample)).toEqual(["train.learningRate=0.000316", "distillation.alpha=0.5", "train.optimizer=sgd"]);
  const recipe = withSample(article, sample);
  expect(recipe).toMatchObject({ train: { learningRate: 0.000316, optimizer: "sgd" }, distillation: { labels: 0.5, terms: [{ weight: 0.5 }] } });
});

describe("by default", () => {
  const spaceOf = (distillation: unknown) => defaultSpace(parseRecipe({ ...demo, distillation }));

  it("soft labels alone: the article's three", () =>
    expect(defaultSpace(article)).toEqual(["train.learningRate=log:1e-5:1e-2", "distillation.temperature=log:0.1:10", "distillation.alpha=uniform:0:1"]));
  it("soft labels among others: their temperature and weight", () =>
    expect(defaultSpace(presetOf("few-labels").recipe)).toEqual([
      "train.learningRate=log:1e-5:1e-2",
      "distillation.terms.0.temperature=log:0.1:10",
      "distillation.terms.0.weight=log:0.1:10",
    ]));
  it("others: the weight of the first", () =>
    expect(defaultSpace(demo)).toEqual(["train.learningRate=log:1e-5:1e-2", "distillation.terms.0.weight=log:4:400"]));
  it("no distillation: the learning rate", () => expect(spaceOf(null)).toEqual(["train.learningRate=log:1e-5:1e-2"]));
  it.each(["article", "demo", "few-labels", "quick-look"] as const)("the preset %s can be searched", (id) => {
    const { recipe } = presetOf(id);
    for (const u of [0, 0.5, 0.99])
      withSample(
        recipe,
        sampleOf(parseSpace(defaultSpace(recipe), recipe), () => u),
      );
  });
});
