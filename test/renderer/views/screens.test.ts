import { createRawSnippet } from "svelte";
import { render } from "svelte/server";
import { beforeEach, describe, expect, it } from "vitest";
import type { Arithmetic } from "../../../src-main/contract/arithmetic";
import { comparedArms } from "../../../src-main/contract/arms";
import { summarize } from "../../../src-main/contract/comparison";
import { modelGroups } from "../../../src-main/contract/families";
import type { Compared } from "../../../src-main/contract/run";
import App from "../../../src-renderer/App.svelte";
import { stepsFor } from "../../../src-renderer/state/lesson";
import { factsOf } from "../../../src-renderer/state/seal";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { curvesOf, type Training } from "../../../src-renderer/state/training.svelte";
import Course from "../../../src-renderer/views/Course.svelte";
import DataScreen from "../../../src-renderer/views/DataScreen.svelte";
import LiveScreen from "../../../src-renderer/views/LiveScreen.svelte";
import PredictScreen from "../../../src-renderer/views/PredictScreen.svelte";
import RunsScreen from "../../../src-renderer/views/RunsScreen.svelte";
import SetupScreen from "../../../src-renderer/views/SetupScreen.svelte";
import Verdict from "../../../src-renderer/views/Verdict.svelte";
import { batches, begunCurves, controlRecipe, details, epoch, FakeEngine, fakeBridge, liveRun, owner, studentRecipe, summary } from "../fakes";

/** What a person reads of a screen, top to bottom: texts, labels of buttons, and chosen or typed values. */
function wordsOf({ body }: { body: string }): string {
  return body
    .replace(/<option[^>]*>[^<]*<\/option>/g, "")
    .replace(/<[^>]*?(?: value="([^"]*)")?[^>]*>/g, " $1 ")
    .replace(/undefined/g, "")
    .replace(/[ \n\t]+/g, " ");
}

const arm = (testAcc: number) => ({ trainAcc: 0.5, testAcc, agreement: 0.6, divergence: 1.25, calibrationError: 0.03 });
const compared = (seed: number, student: number): Compared => ({
  seed,
  control: arm(0.4),
  student: arm(student),
  sameImages: null,
  difference: student - 0.4,
  interval: [0.01, 0.09],
  seconds: 100,
  testImages: 1000,
  yardstick: null,
});

const arithmetic: Arithmetic = {
  precision: "fp32",
  bf16Products: "fp32",
  reason: "fp32 multiply-adds reach 93 GFLOP/s per thread, and the avx2 kernels have no instruction for bf16",
  machine: { device: "cpu", isa: "avx2", gflops: { fp32: 93, bf16: null } },
};

let studio: Studio;

async function startedStudio(answers = {}): Promise<Studio> {
  const info = {
    format: "cifar10-binary",
    layout: "the files of CIFAR-10",
    classes: ["cat"],
    thumbnails: [],
    train: { count: 5000, perClass: [5000] },
    test: { count: 10, perClass: [10] },
    validation: null,
    leftOut: [],
    warnings: [],
    notes: [],
  };
  const engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [],
    doctor: () => ({ arithmetic: { cpu: arithmetic, cuda: null }, cpu: { threads: 2 }, gpus: [], backends: [], bundled: { teachers: [] } }),
    listRuns: () => [],
    list: () => [],
    ...answers,
  });
  const started = new Studio(fakeBridge(engine).bridge);
  await started.start();
  return started;
}

describe("Data", () => {
  it("says what is left out of a folder, and what was decided for the user", async () => {
    const leftOut = Array.from({ length: 101 }, (_, n) => ({ path: `train/cat/${n}.bmp`, reason: "picture in a format that is not read: a BMP" }));
    const info = {
      format: "image-folder",
      classes: ["cat", "dog"],
      thumbnails: [],
      train: { count: 4, perClass: [3, 1] },
      validation: { count: 7, perClass: [4, 3] },
      test: { count: 4, perClass: [2, 2] },
      imageSize: null,
      leftOut,
      layout: "train and test, in each a folder for each class",
      concerns: [
        {
          ...{ kind: "tiny-images", type: "note", text: "1 image is left out", count: 1, settled: true, examples: [] },
          remedy: { words: "Undo", settings: { "data.smallestSide": null } },
        },
        {
          ...{ kind: "uneven-classes", type: "warning", text: "the classes are uneven", count: 1, settled: false, examples: [] },
          remedy: { words: "Take 1 of each class", settings: { "data.trainLimit": 2 } },
        },
      ],
      warnings: ["6 of 107 files are taken; left out: 101 pictures", "the classes are uneven"],
      notes: ["the images in val are the validation images", "1 image is left out"],
    };
    const words = wordsOf(render(DataScreen, { props: { studio: await startedStudio({ dataInfo: () => info }) } }));
    for (const text of [
      "6 of 107 files are taken",
      "The images in val are",
      "Validation images 7",
      "One thing to look at",
      "Uneven classes The classes are uneven cat 3 dog 1 Take 1 of each class",
      "Tiny images 1 image is left out Undo",
      "101 left out",
      "train/cat/99.bmp picture in a format",
      "And 1 more",
    ])
      expect(words).toContain(text);
    expect(words).not.toContain("train/cat/100.bmp");
  });
});

describe("Set up", () => {
  const read = () => wordsOf(render(SetupScreen, { props: { studio } }));
  const startButton = () => /<button[^>]*>(?:(?!<button).)*Start training/s.exec(render(SetupScreen, { props: { studio } }).body)![0];

  beforeEach(async () => {
    studio = await startedStudio();
  });

  it("a teacher of other classes is said in words, with three ways out, and nothing starts", async () => {
    studio = await startedStudio({
      checkTeacher: () => ({ model: "", imageSize: 32, problem: "the teacher (bundled) was trained for other classes than the data has", warnings: [] }),
      listRuns: () => [summary("single")],
    });
    await studio.setup.teacherCheck.ask();
    expect(read()).toMatch(/The teacher \(bundled\) was trained for other classes than the data has +Train one here +Choose weights +Take one from a run/);
    expect(startButton()).toContain("disabled");
  });

  it("images that cannot be read are said, with a way out, and nothing starts", async () => {
    studio = await startedStudio({
      dataInfo: () => ({ classes: ["cat"], thumbnails: [], train: { count: 5, perClass: [5] }, test: { count: 10 }, warnings: [], notes: [], unreadable: 3 }),
    });
    expect(read()).toMatch(/3 images cannot be read: training would end before it begins\..* Skip them/);
    expect(startButton()).toContain("disabled");
    studio.setup.set("data.skipUnreadable", "true");
    expect(startButton()).not.toContain("disabled");
  });

  it("what was unfolded stays so on the way to another screen and back", () => {
    const isOpen = () =>
      /<details[^>]*open[^>]*> *(<!--.*?-->)*<summary[^>]*>(?:(?!<\/summary>).)*More settings/s.test(render(SetupScreen, { props: { studio } }).body);
    expect(isOpen()).toBe(false);
    studio.setup.showsMore = true;
    expect(isOpen()).toBe(true);
  });

  it("offers the models by family", () => {
    const { body } = render(SetupScreen, { props: { studio } });
    const groups = [...body.matchAll(/<optgroup label="([^"]*)">(.*?)<\/optgroup>/gs)].map(([, label, options]) => [
      label,
      options!.match(/(?<=value=")[^"]*/g),
    ]);
    expect(groups.slice(0, modelGroups.length)).toEqual(modelGroups.map(({ label, names }) => [label, names]));
  });

  it("has a card or a heading for each group of the table", () => {
    const words = read();
    for (const name of ["Batch size", "Random crop", "Precision", "Weight of the labels", "Learning rate of the control"]) expect(words).toContain(name);
    expect(words).not.toContain("Momentum");
  });

  describe("one image", () => {
    const images = (answers = {}) => ({
      dataInfo: () => ({
        format: "cifar10-binary",
        classes: ["cat", "dog"],
        thumbnails: [{ label: 0, png: new Uint8Array([1]), path: null }],
        train: { count: 5000 },
        test: { count: 1000 },
        warnings: [],
      }),
      predict: () => ({ images: [{ logits: [2, 0] }] }),
      ...answers,
    });

    it("the true class, the soft label, the loss with its values, and the first step of the explanation", async () => {
      studio = await startedStudio(images());
      studio.setup.usePreset("quick-look");
      studio.setup.set("distillation.terms.0.temperature", "2");
      await studio.playground.ask();
      const words = read();
      for (const text of [
        "1 of 5 What does the other probability say?",
        "here dog with 26.9 %",
        "True class: cat",
        "cat , the true class 73.1 % dog 26.9 %",
        "0.84 of 1.00 bits.",
        "0.38\u00a0·\u00a0CE",
        "0.62\u00a0·\u00a0T² KL",
        "T² 4.00 × KL 0.111",
        "Labels 0.38 0.693 0.263",
        "Soft labels T² 4.00 × KL 0.111 0.62 0.444 0.275",
        "Sum 0.539",
      ])
        expect(words).toContain(text);
      const { body } = render(SetupScreen, { props: { studio } });
      expect(body).toContain('aria-valuetext="2, softer"');
      expect(body).toContain('aria-valuetext="0.62: labels 0.38, teacher 0.62"');
      expect(body).toContain("A balance: the labels weigh 0.38, the teacher's answers 0.62");
      studio.showLesson(false);
      expect(read()).not.toContain("1 of 5");
      expect(read()).toContain("Why?");
    });

    it("a recipe without soft labels says that T changes the picture alone, and that what the teacher sees is known later", async () => {
      studio = await startedStudio(images());
      await studio.playground.ask();
      const words = read();
      for (const text of [
        "T changes the picture alone.",
        "Add soft labels",
        "Locality guidance 40 known as it trains",
        "Sum, without what is not known yet 0.693",
        "Weight of locality guidance",
        "there is nothing to weigh against the labels yet",
      ])
        expect(words).toContain(text);
    });

    it("says why it is empty", async () => {
      expect(read()).toContain("There is no image to show");
      studio = await startedStudio(images());
      expect(read()).toContain("Asking the teacher");
      studio = await startedStudio(images({ predict: () => Promise.reject(new Error("the weights are for other classes")) }));
      await studio.playground.ask();
      expect(read()).toContain("The teacher has no answer to this image. The weights are for other classes. Train a teacher below");
      studio.setup.setDistills(false);
      expect(read()).toContain("Without a teacher the student learns from the labels alone");
    });
  });

  it("says what the student minimises, whatever the objectives are", () => {
    expect(read()).toContain("40\u00a0·\u00a0locality guidance + labels");
    studio.setup.set("distillation.terms.0.kind", "dkd");
    studio.setup.addTerm();
    const words = read();
    expect(words).toContain("decoupled soft labels + 0.5\u00a0·\u00a0soft labels + labels");
    expect(words).toContain("Decoupled soft labels: temperature 4");
    expect(words).toContain("Weight of the other classes");
    expect(words).toContain("Add an objective");
  });

  it("cautions where control and student are tuned separately", () => {
    studio.setup.usePreset("article");
    expect(read()).toContain("Tuned separately: learning rate 0.001 for the control, 0.0001 for the student");
    expect(read()).toMatch(/2 warnings +What to run +Start training/);
    studio.setup.usePreset("article-equal");
    expect(read()).not.toContain("Tuned separately");
  });

  it("the last step of the explanation does not claim more than a verdict of one seed does", () => {
    const shown = { classes: 2, trueClass: "cat", second: null, hasSoftLabels: true, hasHint: true };
    expect(stepsFor(shown).at(-1)!.answer).toMatch(
      /what the teacher added, and not a different start\. Which test images and which seed: that chance is left\.$/,
    );
  });

  it("without a teacher, one model is trained", () => {
    studio.setup.setDistills(false);
    const words = read();
    expect(words).toContain("Without a teacher, one model is trained on the labels alone.");
    expect(words).not.toContain("Learning rate of the control");
  });

  it("offers beside the button what is made of the recipe, with its numbers, and says how much that is", () => {
    expect(read()).toMatch(/2 × 1,264 batches .*What to run +Start training/);
    studio.setup.sweep.useSeeds(3);
    expect(read()).toMatch(/3 seeds × 2 × 1,264 batches/);
    expect(read()).toMatch(/shows how certain the difference is\. Seeds/);
    studio.setup.sweep.kind = "labels";
    studio.setup.sweep.set("labels", "250, 500");
    expect(read()).toMatch(/2 numbers of labels × 3 seeds × 2 × 1,264 batches .* if all images have labels; fewer with fewer/);
    studio.setup.sweep.set("labels", "0, 500");
    expect(read()).toMatch(/Enter whole numbers from 1, one image of each class, to [\d,]+, with commas between them\./);
    studio.setup.sweep.kind = "search";
    expect(read()).toMatch(/20 trials × 50 batches .*Each trial draws its own learning rate and weight/);
    studio.setup.sweep.kind = "seeds";
    studio.setup.setDistills(false);
    expect(read()).not.toMatch(/Seeds|seeds ×/);
  });

  it("shows each teacher with its fields, in the summary with its share, and what is wrong beside them", () => {
    studio.setup.addTeacher();
    expect(read()).toMatch(/Teacher 2 .*Teacher 2&#39;s share|Teacher 2 .*Teacher 2's share/s);
    expect(read().match(/features come from the first teacher alone/gi)).toHaveLength(2);
    expect(read()).toContain("Other teachers: features come");
    studio.setup.usePreset("quick-look");
    studio.setup.addTeacher();
    studio.setup.set("teacher.others.0.weight", "0.5");
    expect(read()).toMatch(/Teachers +resnet20_cifar10 +32 px, bundled weights *, share.1 .*share.0\.5/);
  });

  it("names each problem where it was typed, and in the summary", () => {
    studio.setup.set("train.epochs", "many");
    expect(read()).toContain("1 setting has to be changed first");
    expect(read().match(/enter a whole number from 1 to 10,000\./gi)).toHaveLength(2);
  });
});

describe("Live run", () => {
  const read = () => wordsOf(render(LiveScreen, { props: { studio } }));
  const show = (values: Partial<Training>) => Object.assign(studio.training, values);

  beforeEach(async () => {
    studio = await startedStudio({ list: () => [liveRun()], watch: () => new Promise(() => {}) });
    show({ state: "running", phase: "", curves: begunCurves(["control", "student"], 2, 5) });
  });

  it("says where the run is, and what it was told to be", () => {
    expect(read()).toMatch(/quick look +Epoch 1 of 5 +Running +Pause +Stop/);
    expect(read()).toMatch(/Recipe .*Batch size 64 images .*Batches per step 1 batch .*Evaluate every 1 epoch .*Objective Soft labels .*Temperature 0\.212/s);
  });

  it.each([
    ["pausing", "Pauses after this batch, with a checkpoint", "Pausing", "Continue"],
    ["stopping", "Stops now: the batch in progress is discarded, and the checkpoint has all batches before it", "Stopping", "Pause"],
    ["paused", "Epoch 1 of 5", "Paused", "Continue"],
  ] as const)("says when an order takes effect: %s", (state, lead, chip, button) => {
    show({ state });
    expect(read()).toMatch(new RegExp(`${lead} +${chip} +${button} `));
  });

  it("says who trains a run of another process, and offers to pause and stop it", () => {
    show({ owner: owner(), member: { index: 1, total: 3, words: "seed 8" } });
    expect(read()).toMatch(/Trained in the command line, process 123 · Seed 8, 2 of 3 · Epoch 1 of 5 +Running +All comparisons +Pause +Stop/);
    show({ state: "stopped" });
    expect(read()).toMatch(/quick look +Seed 8, 2 of 3 · A checkpoint is kept\..*Resume/);
  });

  it("of a run that ended before it began offers the way back instead of resuming nothing", () => {
    show({ state: "failed", problem: "/leaves does not exist", curves: begunCurves([], 2, 5) });
    Object.defineProperty(studio.training, "neverBegan", { value: true });
    expect(read()).toMatch(/Failed +Data +Back to set up/);
    expect(read()).not.toContain("Resume");
  });

  it("of one model speaks of no arms and no report", () => {
    show({ state: "finished", report: null, curves: begunCurves(["single"], 2, 5) });
    expect(read()).toMatch(/The weights are in the run folder\..*Model +–/);
    expect(read().split("Recipe")[0]).not.toMatch(/\b(arms?|report|Control|Student)\b/);
  });

  it("says what was decided for the user as sentences", () => {
    show({ notes: ["the student learns from 2 teachers"], warnings: ["bf16 is slow here"] });
    expect(read()).toMatch(/bf16 is slow here .*The student learns from 2 teachers/);
  });

  it("leaves to the list of settings which precision was taken", () => {
    show({ notes: ["train.precision auto is bf16 here: bf16 ones reach 232 GFLOP/s"] });
    expect(read()).not.toContain("train.precision");
  });

  it("folds several notes into a line that opens, so that the figures stay in sight, and no warning", () => {
    show({ notes: ["the first", "the second", "the third"], warnings: ["bf16 is slow here", "the classes are uneven"] });
    const { body } = render(LiveScreen, { props: { studio } });
    expect(body).toMatch(/<details class="notes[^"]*">(<!--.*?-->)*<summary[^>]*>3 notes<\/summary>.*The first.*The third.*?<\/details>/s);
    expect(body.match(/class="banner caution/g)).toHaveLength(2);
    expect(body).not.toContain('class="banner done');
  });

  it("offers the report of a comparison that is finished", () => {
    show({ state: "finished", report: "/runs/one/report.html" });
    expect(read()).toMatch(/Training finished\. Report and weights are in the run folder\. .*Open report/);
    show({ report: null });
    expect(read()).not.toContain("Open report");
  });

  it("of a sweep that is finished says that the curves are the last seed's, and offers more seeds", () => {
    const summary = { ...summarize([compared(0, 0.39), compared(1, 0.41), compared(2, 0.43)]), controlled: true };
    const trainedArms = (["control", "student"] as const).map((name) => {
      const recipe = name === "student" ? studentRecipe : controlRecipe;
      return details(name, { recipe: { ...recipe, train: { ...recipe.train, seed: 2 } }, epochRecords: [epoch(1, name === "student" ? 0.75 : 0.25)] });
    });
    show({ state: "finished", report: "/r.html", member: { index: 2, total: 3, words: "seed 2" }, summary });
    show({ curves: curvesOf(trainedArms), facts: factsOf(trainedArms) });
    expect(read()).toMatch(
      /Training of 3 comparisons finished\. Figures are means over all; curves batch by batch are those of the last, seed 2\. .*about 15 more seeds .*More seeds Add 15 seeds/s,
    );
    // The large figures are those of the headline, whatever the last seed came to.
    expect(read()).toMatch(
      /Control 40\.0 % test accuracy, mean of 3 seeds Student 41\.0 % test accuracy, mean of 3 seeds Difference \+1\.0 points, mean of 3 seeds/,
    );
    expect(read()).toContain("Curves batch by batch, evidence and test images are those of seed 2.");
    show({ member: null, summary: { ...summarize([compared(0, 0.39)]), controlled: true } });
    expect(read()).toContain("Compare with 3 seeds, about 5 min");
  });

  it("has a sentence on each heading that newcomers do not know", () => {
    show({ curves: curvesOf([details("control"), details("student")]) });
    const { body } = render(LiveScreen, { props: { studio } });
    for (const heading of ["Control", "Student", "Difference"]) expect(body).toMatch(new RegExp(`<span title="[^"]+\\."[^>]*>${heading}</span>`));
    for (const tab of ["Loss", "Running accuracy", "Learning rate", "Machine"])
      expect(body).toMatch(new RegExp(`role="tab"[^>]* title="[^"]+\\."[^>]*>${tab}<`));
  });

  it("of a sweep that goes on, with a verdict over the seeds before, says whose figures these are", () => {
    const summary = { ...summarize([compared(0, 0.39), compared(1, 0.41)]), controlled: true };
    const runs = (["control", "student"] as const).map((name) => details(name, { epochRecords: [epoch(1, name === "student" ? 0.75 : 0.25)] }));
    show({ member: { index: 2, total: 3, words: "seed 0" }, summary, curves: curvesOf(runs), facts: factsOf(runs) });
    expect(read()).toMatch(/Control 25\.0 % test accuracy, epoch 1 seed 0 Student 75\.0 % .*Difference \+50\.0 points, both after epoch 1, seed 0/);
  });

  it("before both arms are trained, is told as who is ahead so far", () => {
    const runs = (["control", "student"] as const).map((name) => details(name, { epochRecords: [epoch(1, name === "student" ? 0.75 : 0.25)] }));
    const read = (finished: boolean) =>
      wordsOf(render(Course, { props: { curves: curvesOf(runs), facts: null, finished, evidence: studio.evidence, examples: studio.examples } }));
    expect(read(false)).toContain(
      "So far, after epoch 1: the student is 50.0 points ahead of the control. How certain this is will be shown once both have finished.",
    );
    expect(read(true)).not.toContain("So far");
  });
});

describe("Runs", () => {
  const read = () => wordsOf(render(RunsScreen, { props: { studio } }));
  const verbs = () => [...render(RunsScreen, { props: { studio } }).body.matchAll(/aria-label="((?:Watch|Stop|Resume) [^"]+)"/g)].map(([, label]) => label);
  const listing = async (...arms: ReturnType<typeof summary>[]) => {
    studio = await startedStudio({ listRuns: () => arms });
  };

  it("names the epochs of figures that stand side by side after unequal ones, and gives no difference", async () => {
    await listing(summary("control", { state: "stopped", testAcc: 0.4, epochs: 3 }), summary("student", { state: "stopped", epochsDone: 1, epochs: 3 }));
    expect(read()).toMatch(/2 and 1 of 3 epochs 40\.0 % by epoch 2 50\.0 % by epoch 1 – /);
  });

  it("says where a run is trained, and offers to watch and stop it there", async () => {
    await listing(summary("single", { state: "running", owner: owner() }));
    expect(read()).toMatch(/Running 2 of 2 epochs in the command line, process 123/);
    expect(verbs()).toEqual(["Watch one", "Stop one"]);
  });

  it("says of an owner who may be gone when it was last alive, and offers to resume", async () => {
    await listing(summary("single", { state: "running", owner: owner({ lastSign: "2026-11-24T09:05:00Z" }) }));
    expect(read()).toMatch(/Perhaps running 2 of 2 epochs in the command line, process 123; last sign of life 24 Nov 2026, \d\d:\d\d/);
    expect(verbs()).toEqual(["Resume one"]);
  });

  it("says that a run which ended before its first checkpoint begins anew, and of a comparison only if both arms do", async () => {
    await listing(summary("single", { state: "stopped", epochsDone: 0, beginsAnew: true }));
    expect(read()).toMatch(/Stopped 0 of 2 epochs No checkpoint yet: resuming begins anew/);
    expect(verbs()).toEqual(["Resume one"]);
    await listing(summary("control", { state: "stopped" }), summary("student", { state: "stopped", beginsAnew: true }));
    expect(read()).not.toContain("begins anew");
  });

  it("says what is damaged instead of calling it finished, gives no difference, and offers to resume", async () => {
    await listing(summary("control", { damage: "/runs/one/control/recipe.json is empty: resume the run" }), summary("student"));
    expect(read()).toMatch(/\/runs\/one\/control\/recipe\.json is empty: resume the run Damaged 2 of 2 epochs 50\.0 % 50\.0 % – /);
    expect(verbs()).toEqual(["Resume one"]);
    expect(read()).not.toContain("Finished");
  });

  it("offers what this app trains on the screen Live", async () => {
    await listing(summary("single", { directory: "/runs/one", state: "running", owner: owner({ program: "app" }) }));
    studio.training.follow(liveRun());
    expect(read()).toContain("in this app");
    expect(verbs()).toEqual(["Watch one", "Stop one"]);
    expect(render(RunsScreen, { props: { studio } }).body).not.toMatch(/<button[^>]*aria-label="Watch one"[^>]*disabled/);
  });

  it("does not put a run of another process in the place of the one that this app trains", async () => {
    await listing(summary("single", { directory: "/runs/theirs", state: "running", owner: owner() }));
    studio.training.follow(liveRun());
    expect(render(RunsScreen, { props: { studio } }).body).toMatch(/<button[^>]*aria-label="Watch one"[^>]*disabled/);
  });

  it("an open run has its verbs and its recipe", async () => {
    await listing(summary("control", { state: "stopped" }), summary("student", { state: "stopped" }));
    studio.runs.open = {
      group: studio.runs.groups[0]!,
      arms: [details("control"), details("student")],
      curves: curvesOf([details("control")]),
      facts: factsOf([]),
      summary: null,
    };
    expect(read()).toMatch(/All runs Resume .*Recipe .*Batch size 64 .*Arithmetic fp32/s);
  });
});

describe("how sure a difference is", () => {
  const of = compared;
  const read = (...all: Compared[]) => wordsOf(render(Verdict, { props: { summary: summarize(all), controlled: true } }));

  it("of one seed is said over test images, with what the answers say", () => {
    const words = read(of(3, 0.45));
    expect(words).toMatch(/The teacher adds 5\.0 points \(95 %: \+1\.0 to \+9\.0; 1 seed; 1,000 test images\)\. +It is one seed: another may give another/);
    expect(words).toMatch(
      /Paired bootstrap: the 1000 test images .*Agrees with the teacher .* 60\.0 % .*KL to the teacher .* 1\.250 .*Calibration error \(ECE\) .* 3\.0 %/,
    );
    expect(words).not.toContain("deviation over seeds");
  });

  it("of several is said over seeds, with means and deviations", () => {
    const words = read(of(0, 0.58), of(1, 0.57), of(2, 0.59));
    expect(words).toContain("over seeds 0, 1, 2: control 40.0 ± 0.0 %, student 58.0 ± 1.0 %, difference +18.0 ± 1.0 points.");
    expect(read(of(0, 0.39), of(1, 0.41), of(2, 0.43))).toContain("about 15 more seeds would be needed to show it.");
  });

  it("of models that learned nothing is not made surer by more seeds, and says what helps", () => {
    const surer = createRawSnippet(() => ({ render: () => "<i>Compare with 3 seeds</i>" }));
    const shown = (testAcc: number) => {
      const yardstick = { oneAnswer: 0.4, teacher: 0.9 };
      return wordsOf(render(Verdict, { props: { summary: summarize([{ ...of(0, testAcc), yardstick }]), controlled: true, surer } }));
    };
    expect(shown(0.41)).toMatch(/Neither model has learned the classes beyond chance.+ train for more epochs/);
    expect(shown(0.41)).not.toContain("Compare with 3 seeds");
    expect(shown(0.45)).toMatch(/another may give another difference\. +The student is far below its teacher.+Compare with 3 seeds/);
  });

  it("of a comparison of three arms has the two parts of the difference, and a column for each arm", async () => {
    const parts = { teacherAdds: { difference: 0.02, interval: null }, imagesAdd: { difference: 0.03, interval: null } };
    const words = read({ ...of(0, 0.45), sameImages: { ...arm(0.42), ...parts } });
    expect(words).toContain("the teacher on the same labelled images gives +2.0, and the images without labels give +3.0.");
    expect(words).toMatch(/Control +Teacher on the same images +Student/);
    studio = await startedStudio({ listRuns: () => comparedArms.map((name) => summary(name)) });
    expect(wordsOf(render(RunsScreen, { props: { studio } }))).toMatch(/Control +Same images +Student +Gain/);
    const runs = comparedArms.map((name) => details(name, { epochRecords: [epoch(1, { control: 0.25, "same-images": 0.375, student: 0.75 }[name])] }));
    expect(
      wordsOf(render(Course, { props: { curves: curvesOf(runs), facts: null, finished: true, evidence: studio.evidence, examples: studio.examples } })),
    ).toMatch(/Teacher on the same images +37\.5.*teacher \+12\.5, images \+37\.5/s);
  });

  it("is part of a run's course, and of the list of runs", async () => {
    const props = {
      curves: curvesOf([details("control"), details("student")]),
      facts: null,
      finished: true,
      evidence: studio.evidence,
      examples: studio.examples,
      summary: { ...summarize([of(3, 0.45)]), controlled: false },
    };
    expect(wordsOf(render(Course, { props }))).toContain("The student is 5.0 points better than the control (95 %");
    const seeds = [0, 1].flatMap((seed) => (["control", "student"] as const).map((name) => summary(name, { directory: `/runs/a/seed-${seed}/${name}` })));
    studio = await startedStudio({ listRuns: () => seeds });
    expect(wordsOf(render(RunsScreen, { props: { studio } }))).toContain("one, over 2 seeds");
  });

  it("can be made surer in the list and in an open run: a sweep gets more seeds once all are finished, or is resumed", async () => {
    const list = () => wordsOf(render(RunsScreen, { props: { studio } }));
    const readCourse = ({ directory }: { directory: string }) => details(directory.endsWith("control") ? "control" : "student", { directory });
    const sweep = (seeds: number) =>
      [0, 1].flatMap((seed) =>
        (["control", "student"] as const).map((name) =>
          summary(name, { directory: `/runs/a/seed-${seed}/${name}`, sweep: { directory: "/runs/a", first: 0, seeds } }),
        ),
      );
    studio = await startedStudio({ listRuns: () => sweep(2) });
    expect(list()).toMatch(/one, over 2 seeds Finished 2 of 2 seeds/);
    await studio.bench.look(studio.bench.all[0]!.row);
    expect(list()).toMatch(/one, over 2 seeds .*More seeds Add 2 seeds, about 7 min .*Seed 0 Done control 50\.0 %, student 50\.0 %, ±0\.0 points/);
    studio = await startedStudio({ listRuns: () => sweep(3) });
    expect(list()).toMatch(/one, over 2 of 3 seeds so far Stopped 2 of 3 seeds/);
    await studio.bench.look(studio.bench.all[0]!.row);
    expect(list()).toMatch(/one, over 2 of 3 seeds so far .*Resume .*2 of 3 done, about 3 min of training left.*Waiting: seed 2\./);
    // The first one deleted: it neither waits nor is passed over in silence, and the way to delete one says what that changes.
    studio = await startedStudio({ listRuns: () => sweep(2).filter(({ directory }) => !directory.includes("seed-0")), readCourse });
    await studio.bench.look(studio.bench.all[0]!.row);
    expect(list()).toContain("Not all of the 2 seeds that were asked for are in this result: seed 0 is missing, deleted or not finished.");
    expect(list()).toMatch(/Missing: seed 0\. Later ones are here, so it was deleted or never began\. Restore it from the bin, or resume/);
    expect(list()).not.toContain("Waiting");
    await studio.runs.look(studio.runs.groups[0]!);
    expect(render(RunsScreen, { props: { studio } }).body).toMatch(
      /title="Moves it to the bin[^"]*The verdict is then over the others alone"[^>]*>.*Delete seed 1/s,
    );
    studio = await startedStudio({ listRuns: () => sweep(3) });
    await studio.bench.look(studio.bench.all[0]!.row);
    const arms = [details("control"), details("student")];
    studio.runs.open = {
      group: studio.runs.groups[0]!,
      arms,
      curves: curvesOf(arms),
      facts: factsOf(arms),
      summary: { ...summarize([of(0, 0.45)]), controlled: true },
    };
    expect(list()).toMatch(/Resume .*The teacher adds 5\.0 points .*Along x/);
    studio.runs.open = { ...studio.runs.open, group: { ...studio.runs.groups[0]!, directory: "/runs/elsewhere" } };
    expect(list()).toContain("Compare with 3 seeds");
  });
});

describe("the window", () => {
  it("asks before something is done that cannot be undone", async () => {
    studio = await startedStudio({ listRuns: () => [summary("single")] });
    await studio.bench.showBin();
    studio.bin.askToEmpty();
    expect(wordsOf(render(App, { props: { studio } }))).toMatch(
      /Delete the run in the bin for good\? .*cannot be undone\. .*\/runs\/\.bin +Cancel +Delete for good/s,
    );
  });
});

describe("a run's course", () => {
  const courseOf = (runs: ReturnType<typeof details>[], finished: boolean) =>
    render(Course, { props: { curves: curvesOf(runs), facts: factsOf(runs), finished, evidence: studio.evidence, examples: studio.examples } }).body;

  it("offers each part of the loss by its name, one that is new among them", () => {
    const student = details("student", { batches: batches(4, 2, { parts: { ce: 1, kd: 2, kd2: 1, novel: 3 } }) });
    const body = courseOf([details("control"), student], true);
    expect(tabsOf(body)).toEqual(["Loss", "Labels (cross-entropy)", "Soft labels", "Soft labels 2", "novel", "Learning rate", "Running accuracy", "Machine"]);
    expect(body).toMatch(/aria-selected="true"[^>]*>Loss/);
  });

  const tabsOf = (body: string) => [...body.matchAll(/role="tab"[^>]*>([^<]*)</g)].map(([, label]) => label);

  it("has nothing to choose where the loss is the labels' alone", () => {
    expect(tabsOf(courseOf([details("single", { recipe: controlRecipe })], true))).toEqual(["Loss", "Learning rate", "Running accuracy", "Machine"]);
  });

  it("offers to follow a run that is trained, and to show all of one that has ended", () => {
    const runs = [details("single")];
    const words = (active: boolean) =>
      wordsOf(
        render(Course, {
          props: { curves: curvesOf(runs), facts: factsOf(runs), finished: !active, active, evidence: studio.evidence, examples: studio.examples },
        }),
      );
    expect(words(true)).toContain("Follow the run");
    expect(words(false)).toContain("Show all");
    expect(words(false)).not.toMatch(/[Ll]ive|Follow/);
  });

  it("has words instead of charts before the first batch, and after a failure without any", () => {
    const words = (active: boolean) =>
      wordsOf(
        render(Course, {
          props: { curves: begunCurves(["control"], 2, 3), facts: null, finished: false, active, evidence: studio.evidence, examples: studio.examples },
        }),
      );
    expect(words(true)).toContain("The curves begin with the first batch.");
    expect(words(false)).toContain("No batch was trained, so there are no curves.");
    expect(words(true)).not.toMatch(/Along x|Test accuracy/);
  });

  it("says that its evidence is being checked until it has been", () => {
    const runs = [details("control"), details("student")].map(({ evidence: _, ...run }) => run);
    const body = render(Course, {
      props: { curves: curvesOf(runs), facts: factsOf(runs), finished: true, evidence: studio.evidence, examples: studio.examples },
    }).body;
    expect(wordsOf({ body })).toContain("Checking the evidence");
  });

  it("has the seal, with what was tuned separately in plain sight", () => {
    expect(wordsOf({ body: courseOf([details("control"), details("student")], true) })).toContain("Same start, same batches");
    const recipe = { ...controlRecipe, train: { ...studentRecipe.train, learningRate: 0.01 } };
    expect(wordsOf({ body: courseOf([details("control", { recipe }), details("student")], true) })).toMatch(
      /Tuned separately .*Learning rate 0\.01 for the control, 0\.001 for the student/,
    );
  });

  it("has the evidence behind the seal as a picture, once the seal is clicked", () => {
    const arms = [details("control"), details("student")];
    const curves = curvesOf(arms);
    const read = () =>
      wordsOf(render(Course, { props: { curves, facts: factsOf(arms), finished: true, evidence: studio.evidence, examples: studio.examples } }));
    expect(read()).not.toContain("A bead is");
    studio.evidence.open(curves);
    expect(read()).toMatch(/A bead is a batch\. .*Batch 1: the same in both .*Look at it/);
    studio.evidence.close();
  });
});

it("Predict offers the samples again where the only image cannot be read", async () => {
  studio = await startedStudio({
    predict: () => ({ classes: ["cat"], images: [], unreadable: [{ path: "notes.jpg", reason: "it is a text file, not an image" }] }),
  });
  await studio.prediction.show({ name: "notes.jpg", path: "notes.jpg" });
  const words = wordsOf(render(PredictScreen, { props: { studio } }));
  expect(words).toContain("notes.jpg cannot be read: it is a text file, not an image");
  expect(words).toContain("Drop an image anywhere");
});
