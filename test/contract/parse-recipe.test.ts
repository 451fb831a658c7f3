import { describe, expect, it } from "vitest";
import { modelNames } from "../../src-main/contract/families";
import { parseRecipe, RecipeError } from "../../src-main/contract/parse-recipe";

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
    expect(recipe.augment).toEqual({ crop: 0, flip: false, views: null, mixup: 0, cutmix: 0, resizedCrop: 0, erase: 0 });
    expect(recipe.student).toEqual({ model: "vit_tiny_patch16_224", imageSize: 224, patchSize: null, weights: null, freshHead: false, mean: null, std: null });
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
    expect(recipe.distillation).toEqual({ labels: 0.5, terms: [{ kind: "soft", weight: 0.5, temperature: 0.5 }], images: "all", cacheTeacher: true });
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
      images: "all",
      cacheTeacher: true,
    });
  });

  it.each([0, 0.1, 0.38, 0.62, 1 / 3, 1])("takes the short form for labels and soft labels whose weights add up to exactly 1: alpha %d", (alpha) => {
    const { distillation } = parseRecipe({ ...least, teacher: {}, distillation: { kind: "soft", temperature: 2, alpha } });
    expect(distillation).toEqual({ labels: 1 - alpha, terms: [{ kind: "soft", weight: alpha, temperature: 2 }], images: "all", cacheTeacher: true });
    expect(distillation!.labels + distillation!.terms[0]!.weight).toBe(1);
  });

  it("does not fill in the control's overrides", () => {
    expect(parseRecipe({ ...least, control: { train: { learningRate: 1e-3 } } }).control).toEqual({ train: { learningRate: 1e-3 } });
    expect(parseRecipe({ ...least, control: {} }).control).toEqual({ train: {} });
  });
});

const triple = "expected three numbers from 0 to 1, for red, green and blue, as in 0.5,0.5,0.5 or null";

const soft = { kind: "soft", weight: 1, temperature: 2 };
/** Wrong distillations, by name, with the problems that are reported. */
const distillations: [string, unknown, string[]][] = [
  [
    "an unknown objective",
    { terms: [{ kind: "softer" }] },
    [
      'distillation.terms.0.kind: expected one of soft, standardized-soft, dkd, hard, logit-matching, token, locality, features, attention-transfer, got "softer"',
    ],
  ],
  [
    "another objective in the short form",
    { kind: "dkd" },
    ['distillation.kind: the short form takes soft labels alone; write "terms": [{"kind": "dkd", ...}] for others'],
  ],
  [
    "an objective that does not exist in the short form, and not what was meant for it",
    { kind: "dkdd", weight: 1, beta: 8 },
    [
      'distillation.kind: expected soft, or one of soft, standardized-soft, dkd, hard, logit-matching, token, locality, features, attention-transfer in "terms", got "dkdd"; did you mean dkd?',
    ],
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
    ["distillation.alpha: unknown key; expected one of distillation.labels, distillation.images, distillation.cacheTeacher, distillation.terms"],
  ],
  [
    "nothing that trains the answers",
    { labels: 0, terms: [{ kind: "locality" }, { ...soft, weight: 0 }] },
    ["distillation: expected the labels, or a term that trains the student's answers, with a weight above 0; got none, so the student would learn no classes"],
  ],
  [
    "a block that gives no tokens",
    { terms: [{ kind: "locality", block: 12 }] },
    ["distillation.terms.0.block: expected 1 to 11 for vit_tiny_patch16_224, got 12: its last block is computed for the class token alone"],
  ],
  [
    "a stage that the teacher has not",
    { terms: [soft, { kind: "locality", stage: "layer5" }] },
    ['distillation.terms.1.stage: expected null or one of stem, layer1, layer2, layer3, layer4 for resnet18_cifar10, got "layer5"'],
  ],
  [
    "stages that the networks have not",
    { terms: [soft, { kind: "features", studentStage: "block12" }, { kind: "attention-transfer", teacherStage: "layer5" }] },
    [
      'distillation.terms.1.studentStage: expected null or one of block1, block2, block3, block4, block5, block6, block7, block8, block9, block10, block11 for vit_tiny_patch16_224, got "block12"',
      'distillation.terms.2.teacherStage: expected null or one of stem, layer1, layer2, layer3, layer4 for resnet18_cifar10, got "layer5"',
    ],
  ],
  [
    "a distillation token that the student has not",
    { terms: [{ kind: "token" }] },
    ["distillation.terms.0.kind: token needs a student with a distillation token, such as deit_tiny_distilled_patch16_224, got vit_tiny_patch16_224"],
  ],
  [
    "features and attention alone",
    { labels: 0, terms: [{ kind: "features" }, { kind: "attention-transfer" }] },
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
    [
      "two numbers for three",
      { ...least, student: { ...least.student, mean: [0.1, 0.2], std: [0.1, 0.2, 0.3] } },
      [expect.stringMatching(/^student\.mean: expected three numbers .*, got 2 numbers$/)],
    ],
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
      "locality guidance of a student without patches",
      { ...least, teacher: {}, student: { model: "resnet18" }, distillation: { terms: [{ kind: "locality" }] } },
      ["distillation.terms.0.kind: locality needs a student with patch tokens, such as a vision transformer, got resnet18"],
    ],
    [
      "locality guidance from a teacher without maps",
      { ...least, teacher: { model: "vit_tiny_patch16_224", weights: "t.safetensors" }, distillation: { terms: [{ kind: "locality" }] } },
      ["distillation.terms.0.kind: locality needs a teacher with feature maps, such as a ResNet, got vit_tiny_patch16_224"],
    ],
    [
      "patches that do not fit",
      { ...least, student: { model: "vit_tiny_patch16_224", imageSize: 225 } },
      ["student.imageSize: expected a multiple of the patch size 16, got 225"],
    ],
    [
      "patches that a convolutional stem cannot halve its way to",
      { ...least, student: { model: "vit_micro_convstem_patch8_32", imageSize: 24, patchSize: 6 } },
      ["student.patchSize: expected 2, 4, 8 and so on, as each layer of a convolutional stem halves the image's side, got 6"],
    ],
    [
      "two kinds of crops",
      { ...least, augment: { crop: 4, resizedCrop: 0.5 } },
      ["augment.resizedCrop: takes the place of augment.crop; expected 0, got 0.5; or set augment.crop to 0"],
    ],
    ["patches of a ResNet", { ...least, student: { model: "resnet18", patchSize: 4 } }, ["student.patchSize: resnet18 has no patches; expected null, got 4"]],
    [
      "a warm-up longer than the run",
      { ...least, train: { epochs: 2, warmupEpochs: 2 } },
      ["train.warmupEpochs: expected less than the 2 epochs of training, got 2"],
    ],
    [
      "a contradiction in the control only",
      { ...least, train: { warmupEpochs: 2 }, control: { train: { warmupEpochs: 5 } } },
      ["control.train.warmupEpochs: expected less than the 5 epochs of training, got 5"],
    ],
    [
      "a contradiction between the control's own momentum and what it shares",
      { ...least, train: { optimizer: "sgd", nesterov: true, momentum: 0.9 }, control: { train: { momentum: 0 } } },
      ["control.train.nesterov: needs a momentum above 0, got control.train.momentum 0"],
    ],
    [
      "a contradiction between the control's own nesterov and the momentum that it shares",
      { ...least, train: { optimizer: "sgd", momentum: 0 }, control: { train: { nesterov: true } } },
      ["control.train.nesterov: needs a momentum above 0, got train.momentum 0"],
    ],
    [
      "a control with a seed of its own",
      { ...least, control: { train: { seed: 3, batchSize: 128 } } },
      ["control.train.seed: all arms share seed, epochs, batches, batchSize, shuffle, precision, bf16Products; expected 0, got 3; omit it"],
    ],
    [
      "views that nothing tells apart",
      { ...least, augment: { views: 4 } },
      ["augment.views: without crops, flips, erasing and mixing an image has one view only; expected null, got 4"],
    ],
    ["three numbers as a text, once", { ...least, student: { ...least.student, mean: "0.5" } }, [`student.mean: ${triple}, got "0.5"`]],
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
