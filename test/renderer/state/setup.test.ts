import { beforeEach, describe, expect, it } from "vitest";
import { presetOf, presetsFor } from "../../../src-main/contract/presets";
import type { DataSource } from "../../../src-main/contract/recipe";
import { cautionsFor } from "../../../src-renderer/state/cautions";
import { Data } from "../../../src-renderer/state/data.svelte";
import { Engine } from "../../../src-renderer/state/engine.svelte";
import { remedyOf } from "../../../src-renderer/state/field-problems";
import { Setup } from "../../../src-renderer/state/setup.svelte";
import { FakeEngine, failure, fakeBridge, startedEngine } from "../fakes";

let engine: FakeEngine;
let data: Data;
let setup: Setup;

beforeEach(async () => {
  engine = new FakeEngine();
  const { bridge } = fakeBridge(engine);
  const started = await startedEngine(bridge);
  data = new Data(bridge, started);
  setup = new Setup(data, started);
});

it("begins with the demo, and takes each preset as it is", () => {
  expect(setup.result.recipe).toEqual(presetOf("demo").recipe);
  for (const { id, recipe } of presetsFor("comparison")) {
    setup.usePreset(id);
    expect(setup).toMatchObject({ preset: id, result: { recipe } });
  }
});

it("what settles a concern of the data is in the recipe, whatever the preset, until other data are chosen", () => {
  setup.settle({ words: "", settings: { "data.skipCopies": true, "data.trainLimit": 40 } });
  expect(setup).toMatchObject({ preset: "demo", dataSettings: { skipCopies: true, skipLeaks: false, trainLimit: 40 } });
  setup.usePreset("few-labels");
  expect(setup.result.recipe!.data).toMatchObject({ skipCopies: true, trainLimit: 40, labelled: 500 });
  setup.settle({ words: "Undo", settings: { "data.trainLimit": null } });
  expect(setup.result.recipe!.data.trainLimit).toBeNull();
  setup.set("data.trainLimit", "96");
  setup.forgetDataSettings();
  expect(setup.result.recipe!.data).toMatchObject({ skipCopies: false, trainLimit: 96, testShare: 0.2 });
});

it("takes a teacher that was made here, also where there was none", () => {
  const teacher = { model: "resnet18", weights: "/runs/teacher/teacher.safetensors", imageSize: 160 };
  setup.setDistills(false);
  setup.useTeacher(teacher);
  expect(setup.result.recipe).toMatchObject({ teacher: { ...teacher, mean: null }, distillation: presetOf("demo").recipe.distillation });
  expect(setup.preset).toBeNull();
  expect(cautionsFor(setup.result.recipe!, 5000)).toEqual([]);
});

describe("a teacher that was just made", () => {
  const made = {
    teacher: { model: "tf_efficientnet_lite0", weights: "/runs/teacher/teacher.safetensors", imageSize: 160 },
    images: { train: 360, validation: 60, test: 90, mirrored: true },
  };

  it("brings a first comparison with it where the form was a preset; what was chosen of the data stays, and it can be undone", () => {
    setup.settle({ words: "Leave out the copies", settings: { "data.skipCopies": true } });
    const before = setup.result.recipe!;
    setup.useMade(made);
    const { distillation, student, train, teacher, data } = setup.result.recipe!;
    expect(distillation).toMatchObject({ labels: 1, terms: [{ kind: "features", teacherStage: "stage5" }] });
    expect([student.model, train.epochs, teacher!.weights, data.skipCopies]).toEqual(["resnet20_cifar10", 100, made.teacher.weights, true]);
    expect([setup.preset, setup.isFirstComparison]).toEqual([null, true]);
    setup.set("train.epochs", "2");
    expect(setup.isFirstComparison).toBe(false);
    setup.undoTeacher();
    expect(setup.result.recipe).toEqual(before);
  });

  it("is all that changes in a form with settings of one's own, or with images that have no labels", () => {
    setup.set("train.epochs", "7");
    setup.useMade(made);
    expect(setup.result.recipe).toMatchObject({ train: { epochs: 7 }, student: presetOf("demo").recipe.student, teacher: made.teacher });
    expect(setup.isFirstComparison).toBe(false);
    setup.useFirstComparison(made);
    expect(setup.result.recipe).toMatchObject({ train: { epochs: 100 }, teacher: made.teacher });
    setup.usePreset("few-labels");
    setup.useMade(made);
    expect(setup.result.recipe).toMatchObject({ distillation: presetOf("few-labels").recipe.distillation, teacher: made.teacher });
  });
});

it("takes the other of two bundled teachers, whose weights have one name", () => {
  setup.useTeacher({ model: "resnet18_cifar10", weights: "bundled", imageSize: 32 });
  expect(setup.teacher).toMatchObject({ model: "resnet18_cifar10", weights: "bundled" });
});

it("expects the teacher of the same labels among the app's runs, where the preset stays as it is", () => {
  const { bridge } = fakeBridge(engine);
  const there = new Setup(data, new Engine(bridge), () => "/home/me/runs");
  there.usePreset("same-labels");
  const weights = "/home/me/runs/same-labels-teacher/teacher.safetensors";
  expect(there).toMatchObject({ teacherFolder: "/home/me/runs/same-labels-teacher", result: { recipe: { teacher: { weights } } } });
  there.useTeacher({ ...presetOf("same-labels").recipe.teacher!, weights });
  expect(there.preset).toBe("same-labels");
  there.usePreset("demo");
  expect(there.teacherFolder).toBeNull();
});

describe("teacher and data", () => {
  const info = { classes: ["bark", "cloud"], thumbnails: [], unreadable: 0 };
  const unfit = "the teacher (bundled) was trained for other classes than the data has";

  beforeEach(async () => {
    engine.answers.dataInfo = () => info;
    engine.answers.checkTeacher = ({ weights }: { weights: string }) => ({
      model: "",
      imageSize: 32,
      problem: weights === "bundled" ? unfit : null,
      warnings: [],
    });
    await data.open("/leaves");
  });

  it("that do not go together are found before a run begins; another teacher is asked about anew, the same one not again", async () => {
    expect(setup.blocked).toBe(false);
    await setup.teacherCheck.ask();
    await setup.teacherCheck.ask();
    expect(engine.paramsOf("checkTeacher")).toEqual([{ model: "resnet20_cifar10", weights: "bundled", classes: ["bark", "cloud"], data: setup.dataSource }]);
    expect([setup.blocked, setup.teacherCheck.problem]).toEqual([true, "The teacher (bundled) was trained for other classes than the data has"]);
    setup.useTeacher({ model: "resnet18", weights: "/mine", imageSize: 32 });
    expect(setup.blocked).toBe(false);
    await setup.teacherCheck.ask();
    expect(setup.blocked).toBe(false);
    setup.undoTeacher();
    await setup.teacherCheck.ask();
    expect(setup.blocked).toBe(true);
    setup.setDistills(false);
    expect(setup.blocked).toBe(false);
  });

  it("a file that was not there is looked at again once it was made", async () => {
    engine.answers.checkTeacher = () => Promise.reject(failure("/made: no such file"));
    const teacher = { model: "resnet18", weights: "/made", imageSize: 32 };
    setup.useTeacher(teacher);
    await setup.teacherCheck.ask();
    expect(setup.teacherCheck.problem).toBe("/made: no such file");
    engine.answers.checkTeacher = () => ({ model: "resnet18", imageSize: 32, problem: null, warnings: [] });
    setup.useTeacher(teacher);
    await setup.teacherCheck.ask();
    expect(setup.blocked).toBe(false);
  });

  it("a teacher that knows test images is warned of, and asked about anew where these are others", async () => {
    engine.answers.checkTeacher = ({ data }: { data: DataSource }) => ({
      model: "",
      imageSize: 32,
      problem: null,
      warnings: data.splitSeed === 1 ? ["the teacher was fitted to 5 of these 6 test images"] : [],
    });
    await setup.teacherCheck.ask();
    expect(setup.teacherCheck.warnings).toEqual([]);
    setup.set("data.splitSeed", "1");
    expect(setup.teacherCheck.warnings).toEqual([]);
    await setup.teacherCheck.ask();
    expect([setup.blocked, setup.teacherCheck.warnings]).toEqual([false, ["The teacher was fitted to 5 of these 6 test images"]]);
  });

  it("weights on a server are not asked for", async () => {
    setup.set("teacher.weights", "hf:timm/resnet18.a1_in1k");
    await setup.teacherCheck.ask();
    expect(engine.paramsOf("checkTeacher")).toEqual([]);
  });

  it("images that cannot be read are in the way until they are skipped", async () => {
    engine.answers.checkTeacher = () => ({ model: "", imageSize: 32, problem: null, warnings: [] });
    engine.answers.dataInfo = () => ({ ...info, unreadable: 2 });
    await data.open("/leaves");
    expect(setup).toMatchObject({ blocked: true, unreadable: 2 });
    setup.set("data.skipUnreadable", "true");
    expect(setup).toMatchObject({ blocked: false, unreadable: 0 });
  });
});

describe("typing", () => {
  it.each(["", "  "])("a run has a name: %j is none", (name) => {
    setup.set("name", name);
    expect(setup.result).toMatchObject({ recipe: null, problems: ["Name: enter a name"] });
  });

  it("changes the recipe, and the preset is left", () => {
    setup.set("train.epochs", "3");
    expect(setup.result.recipe?.train.epochs).toBe(3);
    expect(setup.preset).toBeNull();
  });

  it("what is no value stays in its field with the reason, until it is one or a preset is taken", () => {
    setup.set("train.epochs", "three");
    expect(setup.text("train.epochs")).toBe("three");
    expect(setup.problemOf("train.epochs")).toBe("enter a whole number from 1 to 10,000");
    expect(setup.result).toEqual({ recipe: null, problems: ["Epochs: enter a whole number from 1 to 10,000"] });
    setup.set("train.epochs", "4");
    expect(setup.result.recipe?.train.epochs).toBe(4);
    setup.set("train.epochs", "");
    setup.usePreset("demo");
    expect(setup.text("train.epochs")).toBe("16");
  });

  it("an empty field is null where null is allowed", () => {
    setup.set("data.trainLimit", "100");
    setup.set("data.trainLimit", "");
    expect(setup.result.recipe?.data.trainLimit).toBeNull();
    expect(setup.text("data.trainLimit")).toBe("");
    setup.set("data.trainLimit", "few");
    expect(setup.problemOf("data.trainLimit")).toBe("enter a whole number from 1 to 100,000,000, or nothing");
  });

  it("three numbers are typed as text with commas", () => {
    setup.set("teacher.mean", "0.49, 0.48,0.45");
    setup.set("teacher.std", "0.2, 0.2, 0.2");
    expect(setup.result.recipe?.teacher?.mean).toEqual([0.49, 0.48, 0.45]);
    expect(setup.text("teacher.mean")).toBe("0.49, 0.48, 0.45");
    setup.set("teacher.mean", "0.49, 0.48");
    expect(setup.problemOf("teacher.mean")).toMatch(/^expected three numbers from 0 to 1/);
  });

  it("contradictions among values are problems of the whole", () => {
    setup.set("student.patchSize", "7");
    expect(setup.result.problems).toEqual(["Student's image size: expected a multiple of the patch size 7, got 32"]);
  });

  it("a contradiction is said at the field that it is about, whose value stays", () => {
    setup.set("student.patchSize", "7");
    expect(setup.problemOf("student.imageSize")).toBe("expected a multiple of the patch size 7, got 32");
    expect(setup.problemOf("student.patchSize")).toBeNull();
    setup.set("student.imageSize", "28");
    expect(setup.problemOf("student.imageSize")).toBeNull();
    setup.set("distillation.terms.0.stage", "layer9");
    expect(setup.problemOf("distillation.terms.0.stage")).toMatch(/^expected an empty field or one of .*layer3.* for resnet20_cifar10, got "layer9"$/);
  });

  it("the control's learning rate is the student's until it has its own", () => {
    expect(setup.text("control.train.learningRate")).toBe("0.001");
    setup.set("control.train.learningRate", "0.01");
    expect(setup.result.recipe?.control).toEqual({ train: { learningRate: 0.01 } });
    expect(setup.text("train.learningRate")).toBe("0.001");
    setup.set("control.train.learningRate", "fast");
    expect(setup.result.problems).toEqual(["Learning rate: enter a number from 1e-8 to 10"]);
  });
});

it("models bring their sizes", () => {
  setup.set("student.model", "vit_tiny_patch16_224");
  expect(setup.result.recipe?.student).toMatchObject({ imageSize: 224, patchSize: null });
  setup.set("teacher.model", "resnet18");
  expect(setup.result.recipe?.teacher?.imageSize).toBe(224);
});

it("a field applies where its section is there and the others allow it", () => {
  expect(setup.applies("teacher.weights")).toBe(true);
  expect(setup.applies("train.momentum")).toBe(false);
  setup.set("train.optimizer", "sgd");
  expect(setup.applies("train.momentum")).toBe(true);
  expect(setup.applies("student.patchSize")).toBe(true);
  setup.set("student.model", "resnet18_cifar10");
  expect(setup.applies("student.patchSize")).toBe(false);
});

it("without a teacher one model is trained; with one again, it is the demo's", () => {
  setup.set("teacher.imageSize", "x");
  setup.setDistills(false);
  expect(setup.result.recipe).toMatchObject({ teacher: null, distillation: null, control: null });
  expect(setup).toMatchObject({ distills: false, terms: [] });
  expect(setup.applies("distillation.labels")).toBe(false);
  setup.addTerm();
  expect(setup.terms).toEqual([]);
  setup.setDistills(true);
  expect(setup.result.recipe?.teacher).toEqual(presetOf("demo").recipe.teacher);
});

describe("several teachers", () => {
  const others = () => setup.result.recipe?.teacher?.others;
  const bundled = ["resnet18_cifar10", "resnet20_cifar10"].map((model) => ({ model, weights: "there" }));

  beforeEach(() => {
    setup.usePreset("quick-look");
    setup.computer = { bundled: { teachers: [...bundled, { model: "resnet34", weights: null }] } } as never;
  });

  it("are added with weights that are there, typed like the first, and removed", () => {
    setup.addTeacher();
    expect(setup.preset).toBeNull();
    expect(others()).toEqual([{ model: "resnet18_cifar10", weights: "bundled", imageSize: 32, mean: null, std: null, weight: 1 }]);
    setup.set("teacher.others.0.weight", "2.5");
    setup.addTeacher();
    setup.set("teacher.others.1.model", "resnet34");
    expect(others()).toMatchObject([{ weight: 2.5 }, { model: "resnet34", imageSize: 224, weight: 1 }]);
    setup.set("teacher.others.1.weight", "much");
    setup.removeTeacher(0);
    expect(others()).toMatchObject([{ model: "resnet34" }]);
    setup.removeTeacher(0);
    expect(setup.result.recipe?.teacher).toEqual(presetOf("quick-look").recipe.teacher);
  });

  it("are told apart in what is wrong with them", () => {
    setup.addTeacher();
    setup.set("teacher.others.0.weight", "0");
    expect(setup.result.problems).toEqual(["Teacher 2's share: enter a number from 0.000001 to 1,000,000"]);
    setup.set("teacher.others.0.weight", "1");
    setup.set("teacher.others.0.mean", "0.5, 0.5, 0.5");
    expect(setup.problemOf("teacher.others.0.std")).toBe("expected three numbers, as Teacher 2's mean has them, got an empty field; name both or neither");
    expect(setup.result.problems).toEqual([expect.stringMatching(/^Teacher 2's deviation: expected three numbers/)]);
  });

  it("need a term that learns from logits, which is said where they are", () => {
    setup.usePreset("demo");
    setup.addTeacher();
    expect(setup.problemOf("teacher.others")).toMatch(/^features come from the first teacher alone/);
    setup.setDistills(false);
    setup.addTeacher();
    expect(setup.otherTeachers).toEqual([]);
  });

  it("without known weights begin as the first one", () => {
    setup.computer = null;
    setup.addTeacher();
    expect(others()).toMatchObject([{ model: "resnet20_cifar10" }]);
  });
});

describe("objectives", () => {
  beforeEach(() => setup.usePreset("quick-look"));
  const kinds = () => setup.terms.map(({ kind }) => kind);

  it("a term's fields are typed like any other", () => {
    expect(setup.text("distillation.terms.0.weight")).toBe("0.62");
    setup.set("distillation.terms.0.temperature", "2");
    expect(setup.result.recipe?.distillation?.terms[0]).toEqual({ kind: "soft", weight: 0.62, temperature: 2 });
    setup.set("distillation.terms.0.temperature", "0");
    expect(setup.result.problems).toEqual(["Temperature: enter a number from 0.05 to 100"]);
  });

  it("another kind brings its own settings, and the texts of the one before are gone", () => {
    setup.set("distillation.terms.0.temperature", "hot");
    setup.set("distillation.terms.0.kind", "locality");
    expect(setup.result.recipe?.distillation?.terms).toEqual([{ kind: "locality", weight: 40, block: 4, stage: null }]);
    expect(setup.preset).toBeNull();
  });

  it("the kind that a term has already leaves its values", () => {
    setup.set("distillation.terms.0.kind", "soft");
    expect(setup.terms[0]).toMatchObject({ weight: 0.62, temperature: 0.212 });
  });

  it("terms are added, each of another kind, and removed", () => {
    setup.addTerm();
    setup.addTerm();
    expect(kinds()).toEqual(["soft", "standardized-soft", "dkd"]);
    setup.set("distillation.terms.2.beta", "many");
    setup.removeTerm(1);
    expect(kinds()).toEqual(["soft", "dkd"]);
    expect(setup.result.recipe?.distillation?.terms).toHaveLength(2);
  });

  it("nothing to learn from is refused in words", () => {
    setup.set("distillation.labels", "0");
    setup.set("distillation.terms.0.weight", "0");
    expect(setup.result.problems).toEqual([expect.stringContaining("the student would learn no classes")]);
  });

  it("numbers are shown without the dust of binary fractions", () => {
    setup.set("distillation.labels", String(1 - 0.7));
    expect(setup.text("distillation.labels")).toBe("0.3");
  });
});

describe("an automatic precision", () => {
  const here = (precision: string) => ({ precision, reason: `${precision} is faster` });
  const choices = () => setup.choices("train.precision").map(({ label }) => label);

  it("says what it is on this computer, on the device that is chosen, and why", () => {
    expect(choices()).toEqual(["Automatic", "32-bit", "16-bit (bf16)"]);
    expect(setup.help("train.precision")).not.toContain("Here:");
    setup.computer = { arithmetic: { cpu: here("fp32"), cuda: here("bf16") } } as never;
    expect(choices()[0]).toBe("Automatic (32-bit here)");
    expect(setup.help("train.precision")).toMatch(/ Here: fp32 is faster\.$/);
    setup.set("device", "cuda");
    expect(choices()[0]).toBe("Automatic (16-bit (bf16) here)");
  });

  it("is the only choice with such words", () => {
    setup.computer = { arithmetic: { cpu: here("fp32"), cuda: null } } as never;
    expect(setup.choices("train.optimizer").map(({ label }) => label)).toEqual(["AdamW", "SGD with momentum"]);
    expect(setup.choices("train.epochs")).toEqual([]);
    setup.set("device", "cuda");
    expect(choices()[0]).toBe("Automatic");
  });
});

it("asks the engine for models and computer, and says why if it cannot", async () => {
  engine.answers.models = () => [{ name: "vit" }];
  engine.answers.doctor = () => ({ version: "1" });
  await setup.loadModels();
  expect(setup).toMatchObject({ models: [{ name: "vit" }], computer: { version: "1" }, modelsProblem: null });
  engine.answers.models = () => Promise.reject(failure("no models here"));
  await setup.loadModels();
  expect(setup.modelsProblem).toBe("No models here");
});

it("trains on the data that is chosen", () => {
  data.path = "/my/images";
  expect(setup.result.recipe?.data.path).toBe("/my/images");
});

describe("cautions", () => {
  const { recipe } = presetOf("demo");
  const student = (values: object) => ({ ...recipe, student: { ...recipe.student, ...values } });

  it.each([
    ["none for the demo", recipe, 5000, []],
    ["large images", student({ imageSize: 224 }), 5000, [/^An image of 224 px/]],
    ["small patches", student({ imageSize: 64, patchSize: 2 }), 5000, [/^Patches this small/]],
    ["a teacher at another size", { ...recipe, teacher: { ...recipe.teacher!, imageSize: 64 } }, 5000, [/resnet20_cifar10 was made for 32 px/]],
    [
      "another teacher at another size",
      { ...recipe, teacher: { ...recipe.teacher!, others: [{ ...recipe.teacher!, model: "resnet34", weight: 1 }] } },
      5000,
      [/resnet34 was made for 224 px/],
    ],
    ["few batches", recipe, 100, [/fewer than four batches/]],
    ["none for images that are not known yet", recipe, 0, []],
  ])("%s", (_, recipe, images, expected) => {
    expect(cautionsFor(recipe, images)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});

it("epochs below the warm-up are said with a button that settles it, at a field that is unfolded", () => {
  setup.set("train.epochs", "1");
  const [problem] = setup.problems;
  expect(problem).toEqual({ key: "train.warmupEpochs", words: "expected less than the 1 epoch of training, got 1" });
  expect(setup.unfold(problem!.key)).toBe("train.warmupEpochs");
  expect(setup.showsMore).toBe(true);
  const { key, text } = remedyOf(problem!.key)!;
  setup.set(key, text);
  expect(setup.result.recipe?.train).toMatchObject({ epochs: 1, warmupEpochs: 0 });
});

it("a limit above what there is, is said at its field", async () => {
  engine.answers.dataInfo = () => ({ classes: ["cat"], thumbnails: [], train: { count: 192 }, test: { count: 10 } });
  await data.open("/photos");
  setup.set("data.trainLimit", "192");
  expect(setup.noteOf("data.trainLimit")).toBeNull();
  setup.set("data.trainLimit", "99999");
  expect(setup.noteOf("data.trainLimit")).toBe("There are only 192: all are taken.");
});
