import { describe, expect, it } from "vitest";
import { applySettings } from "../../src-main/contract/apply-settings";
import { parseRecipe } from "../../src-main/contract/parse-recipe";

const least = { data: { path: "bundled" }, student: { model: "vit_tiny_patch16_224" } };

describe("settings given as text", () => {
  const set = (...assignments: string[]) => parseRecipe(applySettings(least, assignments));

  it("reach one term of a distillation, and leave the others", () => {
    const terms = [{ kind: "soft", weight: 0.5 }, { kind: "locality" }];
    const given = { ...least, teacher: {}, distillation: { labels: 1, terms } };
    const recipe = parseRecipe(applySettings(given, ["distillation.terms.1.weight=30", "distillation.terms.0.temperature=2"]));
    expect(recipe.distillation!.terms).toMatchObject([
      { kind: "soft", weight: 0.5, temperature: 2 },
      { kind: "locality", weight: 30 },
    ]);
  });

  it("are parsed by the kind of their key", () => {
    const recipe = set("train.epochs=3", "train.learningRate=1e-3", "augment.flip=true", "data.trainLimit=100", "data.path=a=b", "name=7");
    expect(recipe.train).toMatchObject({ epochs: 3, learningRate: 1e-3 });
    expect(recipe.augment.flip).toBe(true);
    expect(recipe.data).toMatchObject({ path: "a=b", trainLimit: 100 });
    expect(recipe.name).toBe("7");
  });

  it("make and remove whole sections", () => {
    expect(set("teacher.weights=t.safetensors", "distillation.alpha=1").distillation).toEqual({
      labels: 0,
      terms: [{ kind: "soft", weight: 1, temperature: 0.5 }],
      images: "all",
      cacheTeacher: true,
    });
    expect(set("control.train.learningRate=0.01").control).toEqual({ train: { learningRate: 0.01 } });
    expect(parseRecipe(applySettings({ ...least, teacher: {} }, ["teacher=null"])).teacher).toBeNull();
    expect(parseRecipe(applySettings({ ...least, data: { path: "x", trainLimit: 5 } }, ["data.trainLimit=null"])).data.trainLimit).toBeNull();
  });

  it("leave the given recipe unchanged", () => {
    const given = structuredClone(least);
    applySettings(given, ["train.epochs=3"]);
    expect(given).toEqual(least);
  });

  it.each([
    ["train.epochs=five", 'train.epochs: expected an integer from 1 to 10000, got "five"'],
    ["train.epochs=", 'train.epochs: expected an integer from 1 to 10000, got ""'],
    ["train.epoch=5", "train.epoch: unknown key; did you mean train.epochs?"],
    ["train.epochs", 'expected key=value, as in train.epochs=3, got "train.epochs"'],
    ["train=null", "train: cannot be set as a whole; set a key in it, such as train.epochs"],
    ["teacher=x", "teacher: cannot be set as a whole, except to null; set a key in it, such as teacher.model"],
    ["student.mean=half", 'student.mean: expected three numbers from 0 to 1, for red, green and blue, as in 0.5,0.5,0.5 or null, got "half"'],
    ["__proto__.polluted=1", "__proto__.polluted: unknown key"],
  ])("are refused with the reason: %s", (assignment, reason) => {
    expect(() => set(assignment)).toThrow(reason);
  });

  it("take three numbers with or without brackets", () => {
    const both = ["student.mean=[0.5, 0.4,0.3]", "student.std=0.2,0.2,0.2"];
    expect(set(...both).student).toMatchObject({ mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2] });
  });
});

describe("terms set as text", () => {
  const short = { ...least, teacher: {}, distillation: { temperature: 2, alpha: 0.75 } };
  const set = (...assignments: string[]) => parseRecipe(applySettings(short, assignments)).distillation;
  const soft = { kind: "soft", weight: 0.75, temperature: 2 };
  const locality = { kind: "locality", weight: 40, block: 4, stage: null };

  it("expand the short form", () => {
    expect(set("distillation.terms.0.weight=3")).toMatchObject({ labels: 0.25, terms: [{ ...soft, weight: 3 }] });
    expect(set("distillation.labels=1")).toMatchObject({ labels: 1, terms: [soft] });
    expect(set("distillation.terms.1.kind=locality", "distillation.alpha=0.5")).toMatchObject({ labels: 0.5, terms: [{ ...soft, weight: 0.5 }, locality] });
  });

  it("make the first term of a recipe that has none", () => {
    const made = parseRecipe(applySettings({ ...least, teacher: {} }, ["distillation.terms.0.kind=dkd"]));
    expect(made.distillation).toMatchObject({ labels: 1, terms: [{ kind: "dkd", weight: 1 }] });
  });

  it("give a term the defaults of its new kind, and keep its values if the kind stays", () => {
    expect(set("distillation.terms.0.kind=locality")).toMatchObject({ terms: [locality] });
    expect(set("distillation.terms.0.kind=soft")).toMatchObject({ terms: [soft] });
  });

  it("know a term's kind wherever it stands among them", () => {
    expect(set("distillation.terms.0.block=2", "distillation.terms.0.kind=locality")).toMatchObject({ terms: [{ ...locality, block: 2 }] });
  });

  const missing =
    "add it with distillation.terms.1.kind, one of soft, standardized-soft, dkd, hard, logit-matching, token, locality, features, attention-transfer";
  it.each<[string[], string[]]>([
    [
      ["distillation.terms.0.kind=foo", "distillation.terms.0.weight=3", "distillation.terms.0.beta=8"],
      [
        'distillation.terms.0.kind: expected one of soft, standardized-soft, dkd, hard, logit-matching, token, locality, features, attention-transfer, got "foo"',
      ],
    ],
    [
      ["distillation.terms.0.beta=8"],
      ["distillation.terms.0.beta: unknown key; expected one of distillation.terms.0.kind, distillation.terms.0.weight, distillation.terms.0.temperature"],
    ],
    [["distillation.terms.1.weight=8"], [`distillation.terms.1.weight: there is no such term; ${missing}`]],
    [["distillation.terms.5.kind=dkd"], ["distillation.terms.5.kind: there is no such term; the next one is distillation.terms.1"]],
    [["distillation.alpha=x", "distillation.terms.0.weight=1"], ['distillation.alpha: expected a number from 0 to 1, got "x"']],
    [["distillation.terms=soft"], ["distillation.terms: cannot be set as a whole; set a key in it, such as distillation.terms.0.kind"]],
  ])("are refused with the one reason: %s", (assignments, problems) => {
    expect(() => set(...assignments)).toThrow(expect.objectContaining({ problems }));
  });

  it("say what belongs to soft labels alone", () => {
    const sum = { ...least, teacher: {}, distillation: { terms: [soft, locality] } };
    expect(() => applySettings(sum, ["distillation.alpha=0.5"])).toThrow("set distillation.labels and the terms' weights, such as distillation.terms.0.weight");
    expect(() => applySettings(sum, ["distillation.alpha=7"])).toThrow("distillation.alpha: expected a number from 0 to 1, got 7");
  });
});
