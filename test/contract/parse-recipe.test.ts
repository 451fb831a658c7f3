import { describe, expect, it } from "vitest";
import { modelNames } from "../../src-main/contract/families";
import { applySettings, checkSetting, parseRecipe, RecipeError, resolvePaths } from "../../src-main/contract/parse-recipe";
import type { Setting } from "../../src-main/contract/setting";
import { settingAt, settingKeys, settings } from "../../src-main/contract/settings";

const least = { data: { path: "bundled" }, student: { model: "vit_tiny_patch16_224" } };

function problemsOf(json: unknown): string[] {
  try {
    parseRecipe(json);
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    return (error as RecipeError).problems;
  }
  return [];
}

describe("a recipe", () => {
  it("needs only data and student, and every other key has a default", () => {
    const recipe = parseRecipe(least);
    expect(recipe).toMatchObject({ version: 1, teacher: null, distillation: null, control: null, device: "auto" });
    expect(recipe.train).toMatchObject({
      epochs: 5,
      batchSize: 128,
      optimizer: "adamw",
      learningRate: 1e-4,
      weightDecay: 0.01,
      schedule: "cosine-epoch",
      seed: 0,
    });
    expect(recipe.augment).toEqual({ crop: 0, flip: false, views: null, mixup: 0 });
    expect(recipe.student).toEqual({ model: "vit_tiny_patch16_224", imageSize: 224, patchSize: null, weights: null, mean: null, std: null });
  });

  it("is complete after parsing: parsing it again changes nothing", () => {
    const recipe = parseRecipe({ ...least, teacher: {}, distillation: {}, control: { train: { learningRate: 1e-3 } } });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  });

  it("takes the image size from the model's name", () => {
    const sizeOf = (model: string) => parseRecipe({ ...least, student: { model } }).student.imageSize;
    expect([sizeOf("vit_micro_patch4_32"), sizeOf("resnet18_cifar10"), sizeOf("resnet18")]).toEqual([32, 32, 224]);
  });

  it("gives a named distillation and teacher their defaults", () => {
    const recipe = parseRecipe({ ...least, teacher: {}, distillation: {} });
    expect(recipe.distillation).toEqual({ labels: 0.5, terms: [{ kind: "soft", weight: 0.5, temperature: 0.5 }], cacheTeacher: true });
    expect(recipe.teacher).toEqual({ model: "resnet18_cifar10", weights: "bundled", imageSize: 32, mean: null, std: null });
  });

  it("takes a weighted sum of objectives, each with the defaults of its kind", () => {
    const { distillation } = parseRecipe({ ...least, teacher: {}, distillation: { terms: [{ kind: "dkd", beta: 2 }, { kind: "locality" }] } });
    expect(distillation).toEqual({
      labels: 1,
      terms: [
        { kind: "dkd", weight: 1, temperature: 4, alpha: 1, beta: 2 },
        { kind: "locality", weight: 40, block: 4, stage: null },
      ],
      cacheTeacher: true,
    });
  });

  it.each([0, 0.1, 0.38, 0.62, 1 / 3, 1])("takes the short form for labels and soft labels whose weights add up to exactly 1: alpha %d", (alpha) => {
    const { distillation } = parseRecipe({ ...least, teacher: {}, distillation: { kind: "soft", temperature: 2, alpha } });
    expect(distillation).toEqual({ labels: 1 - alpha, terms: [{ kind: "soft", weight: alpha, temperature: 2 }], cacheTeacher: true });
    expect(distillation!.labels + distillation!.terms[0]!.weight).toBe(1);
  });

  it("does not fill in the control's overrides", () => {
    expect(parseRecipe({ ...least, control: { train: { learningRate: 1e-3 } } }).control).toEqual({ train: { learningRate: 1e-3 } });
    expect(parseRecipe({ ...least, control: {} }).control).toEqual({ train: {} });
  });
});

const soft = { kind: "soft", weight: 1, temperature: 2 };
/** Wrong distillations, by name, with the problems that are reported. */
const distillations: [string, unknown, string[]][] = [
  [
    "an unknown objective",
    { terms: [{ kind: "softer" }] },
    ['distillation.terms.0.kind: expected one of soft, standardized-soft, dkd, locality, got "softer"'],
  ],
  [
    "another objective in the short form",
    { kind: "dkd" },
    ['distillation.kind: the short form takes soft labels alone; write "terms": [{"kind": "dkd", ...}] for others'],
  ],
  [
    "a sum without terms",
    { labels: 1 },
    ['distillation.terms: is missing; expected a list of one or more objectives, such as {"kind": "soft", "weight": 0.5, "temperature": 2}'],
  ],
  [
    "an empty sum",
    { terms: [] },
    ['distillation.terms: expected a list of one or more objectives, such as {"kind": "soft", "weight": 0.5, "temperature": 2}, got an empty list'],
  ],
  ["a wrong value in a term", { terms: [soft, { ...soft, temperature: 0 }] }, ["distillation.terms.1.temperature: expected a number from 0.05 to 100, got 0"]],
  [
    "a key of another objective",
    { terms: [{ ...soft, beta: 8 }] },
    ["distillation.terms.0.beta: unknown key; expected one of distillation.terms.0.kind, distillation.terms.0.weight, distillation.terms.0.temperature"],
  ],
  [
    "both forms at once",
    { alpha: 0.5, terms: [soft] },
    ["distillation.alpha: unknown key; expected one of distillation.labels, distillation.cacheTeacher, distillation.terms"],
  ],
  [
    "nothing that trains the answers",
    { labels: 0, terms: [{ kind: "locality" }, { ...soft, weight: 0 }] },
    ["distillation: expected the labels, or a term that trains the student's answers, with a weight above 0; got none, so the student would learn no classes"],
  ],
];

describe("a wrong recipe is reported", () => {
  it.each<[string, unknown, string[]]>([
    ["a word for a number", { ...least, train: { epochs: "five" } }, ['train.epochs: expected an integer from 1 to 10000, got "five"']],
    ["a fraction for an integer", { ...least, train: { epochs: 1.5 } }, ["train.epochs: expected an integer from 1 to 10000, got 1.5"]],
    [
      "a number out of range",
      { ...least, teacher: {}, distillation: { temperature: 0 } },
      ["distillation.temperature: expected a number from 0.05 to 100, got 0"],
    ],
    ["a wrong choice", { ...least, train: { optimizer: "adam" } }, ['train.optimizer: expected one of adamw, sgd, got "adam"']],
    ["null where there is none", { ...least, train: { epochs: null } }, ["train.epochs: expected an integer from 1 to 10000, got null"]],
    [
      "a nullable of the wrong kind",
      { ...least, data: { path: "x", trainLimit: 0 } },
      ["data.trainLimit: expected an integer from 1 to 100000000 or null, got 0"],
    ],
    ["a wrong override of the control", { ...least, control: { train: { epochs: 0 } } }, ["control.train.epochs: expected an integer from 1 to 10000, got 0"]],
    ["a list for a section", { ...least, train: [1] }, ["train: expected an object, got a list"]],
    ["a word for a section that may be null", { ...least, teacher: "resnet" }, ['teacher: expected an object or null, got "resnet"']],
    ["missing data", { student: { model: "resnet18" } }, ['data.path: is missing; expected "bundled" or the path of a folder']],
    ["a missing model", { ...least, student: {} }, [`student.model: is missing; expected the name of a model (${modelNames.join(", ")})`]],
    [
      "a misspelled model",
      { ...least, student: { model: "resnet18_cifar" } },
      [`student.model: expected the name of a model (${modelNames.join(", ")}), got "resnet18_cifar"; did you mean resnet18_cifar10?`],
    ],
    ["a misspelled key", { ...least, train: { epoch: 3 } }, ["train.epoch: unknown key; did you mean train.epochs?"]],
    ["a key in the wrong place", { ...least, epochs: 3 }, ["epochs: unknown key; did you mean train.epochs?"]],
    ["a misspelled section", { ...least, distilation: {} }, ["distilation: unknown key; did you mean distillation?"]],
    ["a later version", { ...least, version: 2 }, ["version: this program reads recipes of version 1, got 2; a newer release may read it"]],
    ["something other than an object", [1, 2], ["expected an object with data, student and other settings, got a list"]],
    [
      "distillation without a teacher",
      { ...least, distillation: {} },
      ["distillation: needs a teacher, got teacher null; name a teacher, or set distillation to null for a control"],
    ],
    ...distillations.map(([name, distillation, problems]): [string, unknown, string[]] => [name, { ...least, teacher: {}, distillation }, problems]),
    [
      "patches that do not fit",
      { ...least, student: { model: "vit_tiny_patch16_224", imageSize: 225 } },
      ["student.imageSize: expected a multiple of the patch size 16, got 225"],
    ],
    ["patches of a ResNet", { ...least, student: { model: "resnet18", patchSize: 4 } }, ["student.patchSize: resnet18 has no patches; expected null, got 4"]],
    [
      "a warm-up longer than the run",
      { ...least, train: { epochs: 2, warmupEpochs: 2 } },
      ["train.warmupEpochs: expected less than the 2 epochs of training, got 2"],
    ],
    [
      "a contradiction in the control only",
      { ...least, train: { warmupEpochs: 2 }, control: { train: { epochs: 1 } } },
      ["control.train.warmupEpochs: expected less than the 1 epochs of training, got 2"],
    ],
  ])("%s", (_, json, problems) => {
    expect(problemsOf(json)).toEqual(problems);
  });

  it("with all its problems at once", () => {
    expect(problemsOf({ data: {}, student: { model: 3 }, train: { seed: -1, foo_bar_baz_qux: 1 } }).map((problem) => problem.split(":")[0])).toEqual([
      "data.path",
      "student.model",
      "train.seed",
      "train.foo_bar_baz_qux",
    ]);
  });
});

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
    ["__proto__.polluted=1", "__proto__.polluted: unknown key"],
  ])("are refused with the reason: %s", (assignment, reason) => {
    expect(() => set(assignment)).toThrow(reason);
  });
});

describe("the table", () => {
  it.each(settingKeys.filter((key) => "default" in settings[key]))("has a default that passes its own check: %s", (key) => {
    expect(checkSetting(key, (settingAt(key) as Setting & { default: never }).default)).toBeNull();
  });

  it("says what is wrong with one value", () => {
    expect(checkSetting("distillation.alpha", 2)).toBe("expected a number from 0 to 1, got 2");
    expect(checkSetting("distillation.alpha", 0.62)).toBeNull();
  });
});

it("resolves paths and leaves words alone", () => {
  const recipe = parseRecipe({ data: { path: "here" }, teacher: { weights: "t.safetensors" }, student: { model: "resnet18", weights: null } });
  const resolved = resolvePaths(recipe, (path) => `/base/${path}`);
  expect(resolved.data.path).toBe("/base/here");
  expect(resolved.teacher?.weights).toBe("/base/t.safetensors");
  expect(resolved.student.weights).toBeNull();
  expect(resolvePaths(parseRecipe({ ...least, teacher: {} }), () => "changed").teacher?.weights).toBe("bundled");
});
