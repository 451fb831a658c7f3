import { beforeEach, describe, expect, it } from "vitest";
import { softmax } from "../../../src-main/contract/softmax";
import { entropyInWords } from "../../../src-renderer/state/playground.svelte";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { deferred, FakeEngine, failure, fakeBridge, settle } from "../fakes";

const png = (n: number) => new Uint8Array([n]);
const thumbnails = [
  { label: 0, png: png(1), path: null },
  { label: 0, png: png(2), path: null },
  { label: 1, png: png(3), path: "/photos/train/dog/3.jpg" },
];
const info = { format: "image-folder", classes: ["cat", "dog"], thumbnails, train: { count: 3 } };
const answer = (logits: number[]) => ({ model: "x", classes: [], images: [{ path: "image", logits, probabilities: [] }], unreadable: [] });

let engine: FakeEngine;
let studio: Studio;
let fake: ReturnType<typeof fakeBridge>;

beforeEach(async () => {
  engine = new FakeEngine({ dataInfo: () => info, predict: () => answer([2, 0]), models: () => [], doctor: () => null, listRuns: () => [], list: () => [] });
  fake = fakeBridge(engine);
  studio = new Studio(fake.bridge);
  await studio.start();
});

const bytesAsked = () => engine.paramsOf("predict").map((params) => (params as { images: { bytes?: Uint8Array; path: string }[] }).images[0]);

describe("the image", () => {
  it("one of each class comes first, and the last leads to the first", () => {
    const { playground } = studio;
    const seen = [1, 2, 3, 4].map(() => {
      const shown = [playground.number, playground.className, playground.image!.png[0]];
      playground.step(1);
      return shown;
    });
    expect(seen).toEqual([
      [1, "cat", 1],
      [2, "dog", 3],
      [3, "cat", 2],
      [1, "cat", 1],
    ]);
    playground.step(-1);
    playground.step(-1);
    expect(playground.number).toBe(3);
  });

  it("shuffling shows another one", () => {
    for (const random of [0, 0.4, 0.999]) {
      const { number } = studio.playground;
      studio.playground.shuffle(() => random);
      expect(studio.playground.number).not.toBe(number);
    }
  });
});

describe("the first image", () => {
  it("is the one on which the teacher hesitates most, once, and never after a person has chosen", async () => {
    const { playground } = studio;
    engine.answers.predict = ({ images }: { images: { path: string }[] }) => ({
      ...{ model: "x", classes: [], unreadable: [] },
      images: images.map(({ path }) => ({ path, logits: path.endsWith("3.jpg") ? [0, 1] : [9, 0], probabilities: [] })),
    });
    await playground.begin();
    expect([playground.number, playground.className]).toEqual([2, "dog"]);
    playground.step(-1);
    await playground.begin();
    studio.setup.set("teacher.imageSize", "64");
    await playground.begin();
    expect(playground.number).toBe(1);
    expect(engine.paramsOf("predict")).toHaveLength(1);
  });
});

describe("the teacher of the form", () => {
  it("is asked for the logits of the data's classes: of the image's file, or of its bytes where it has none", async () => {
    await studio.playground.ask();
    const { model, weights, imageSize } = studio.setup.teacher!;
    expect(engine.paramsOf("predict")).toMatchObject([{ model, weights, imageSize, classes: ["cat", "dog"] }]);
    studio.playground.step(1);
    expect(studio.playground.softLabel).toBeNull();
    await studio.playground.ask();
    expect(bytesAsked()).toEqual([{ path: "image", bytes: png(1) }, { path: "/photos/train/dog/3.jpg" }]);
    expect(studio.playground.softLabel!.rows.map(({ name, isTrue }) => [name, isTrue])).toEqual([
      ["cat", false],
      ["dog", true],
    ]);
    expect(studio.playground.teacherIsRight).toBe(false);
  });

  it("where there are several, their weighted mean", async () => {
    studio.setup.addTeacher();
    studio.setup.set("teacher.others.0.weight", "3");
    const answers = [
      [4, 0],
      [0, 8],
    ];
    engine.answers.predict = () => answer(answers.shift()!);
    await studio.playground.ask();
    expect(studio.playground.logits).toEqual([1, 6]);
  });

  it("an answer that arrives after a later question is dropped, as is a late failure", async () => {
    const [slow, failing] = [deferred<unknown>(), deferred<unknown>()];
    const questions = [slow.promise, failing.promise, answer([0, 1])];
    engine.answers.predict = () => questions.shift();
    const first = studio.playground.ask();
    studio.playground.step(1);
    const second = studio.playground.ask();
    studio.playground.step(1);
    await studio.playground.ask();
    slow.resolve(answer([9, 9]));
    failing.reject(failure("too late"));
    await Promise.all([first, second]);
    expect(studio.playground).toMatchObject({ logits: [0, 1], problem: null, busy: false });
  });

  it("one that does not fit says so in words, until another is chosen", async () => {
    engine.answers.predict = () => Promise.reject(failure("resnet20_cifar10 (bundled) was trained for other classes than the data has"));
    await studio.playground.ask();
    expect(studio.playground).toMatchObject({ logits: null, problem: expect.stringContaining("other classes than the data has"), busy: false });
    engine.answers.predict = () => answer([1, 2]);
    await studio.playground.ask();
    expect(studio.playground).toMatchObject({ logits: [1, 2], problem: null });
  });

  it("nobody is asked without a teacher", async () => {
    studio.setup.setDistills(false);
    await studio.playground.ask();
    expect(engine.paramsOf("predict")).toEqual([]);
  });
});

describe("the temperature", () => {
  it("is the form's, both ways, and acts without the engine", async () => {
    studio.setup.usePreset("quick-look");
    await studio.playground.ask();
    expect(studio.playground.temperature).toBe(0.212);
    studio.playground.temperature = 4;
    expect(studio.setup.text("distillation.terms.0.temperature")).toBe("4");
    expect(studio.playground.softLabel!.rows[0]!.value).toBeCloseTo(softmax([2, 0], 4)[0]!, 12);
    studio.setup.set("distillation.terms.0.temperature", "2");
    expect(studio.playground.softLabel!.rows[0]).toMatchObject({ value: softmax([2, 0], 2)[0], plain: softmax([2, 0])[0] });
    expect(engine.paramsOf("predict")).toHaveLength(1);
  });

  it("of a recipe without soft labels is the picture's alone, until it gets some", async () => {
    await studio.playground.ask();
    expect(studio.playground.temperatureKey).toBeNull();
    studio.playground.temperature = 3;
    expect(studio.setup.preset).toBe("demo");
    studio.playground.addSoftLabels();
    expect(studio.setup.terms.at(-1)).toMatchObject({ kind: "soft", temperature: 3 });
    expect(studio.playground.temperatureKey).toBe("distillation.terms.1.temperature");
  });

  it("standardized soft labels are shown standardized", async () => {
    studio.setup.set("distillation.terms.0.kind", "standardized-soft");
    studio.setup.set("distillation.terms.0.temperature", "1");
    await studio.playground.ask();
    expect(studio.playground.softLabel!.rows[0]!.value).toBeCloseTo(softmax([Math.SQRT1_2, -Math.SQRT1_2])[0]!, 12);
  });
});

it("of many classes the most likely are shown, the true one, and the others together", async () => {
  const classes = Array.from({ length: 100 }, (_, k) => `class ${k}`);
  engine.answers.dataInfo = () => ({ ...info, classes, thumbnails: [{ label: 90, png: png(1), path: null }] });
  engine.answers.predict = () => answer(classes.map((_, k) => -k / 10));
  await studio.data.open("/photos");
  await studio.playground.ask();
  const { rows } = studio.playground.softLabel!;
  expect(rows.map(({ name }) => name)).toEqual([...classes.slice(0, 8), "class 90", "91 others"]);
  expect(rows.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(1, 12);
});

it("alpha moves weight between labels and soft labels, and their sum stays", async () => {
  expect(studio.playground.alpha).toBeNull();
  studio.setup.usePreset("quick-look");
  expect(studio.playground.alpha).toBe(0.62);
  studio.playground.alpha = 0.9;
  expect(studio.setup.distillation).toMatchObject({ labels: 0.1, terms: [{ weight: 0.9 }] });
  studio.playground.alpha = 1;
  expect(studio.setup.result.recipe?.distillation).toMatchObject({ labels: 0, terms: [{ weight: 1 }] });
});

it("the loss is that of a student that finds all classes equally likely", async () => {
  expect(studio.playground.summands).toEqual([]);
  await studio.playground.ask();
  expect(studio.playground.summands.map(({ kind }) => kind)).toEqual(["labels", "locality"]);
  expect(studio.playground.summands[0]!.value).toBeCloseTo(Math.LN2, 12);
});

it("entropy in words", () => {
  expect(entropyInWords(0.01, 3.32)).toContain("sure");
  expect(entropyInWords(1, 3.32)).toBe("It is as unsure as among 2.0 equally likely classes.");
  expect(entropyInWords(3.3, 3.32)).toContain("alike");
});

it("the explanation is closed and opened for good", async () => {
  expect(studio.lesson).toBe(true);
  studio.showLesson(false);
  await settle();
  expect(fake.argsOf("setLesson")).toEqual([[false]]);
  expect(studio.lesson).toBe(false);
});
