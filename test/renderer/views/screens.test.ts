import { render } from "svelte/server";
import { beforeEach, describe, expect, it } from "vitest";
import { factsOf } from "../../../src-renderer/state/seal";
import { Studio } from "../../../src-renderer/state/studio.svelte";
import { curvesOf } from "../../../src-renderer/state/training.svelte";
import Course from "../../../src-renderer/views/Course.svelte";
import RunsScreen from "../../../src-renderer/views/RunsScreen.svelte";
import SetupScreen from "../../../src-renderer/views/SetupScreen.svelte";
import { batches, controlRecipe, details, FakeEngine, fakeBridge, studentRecipe, summary } from "../fakes";

/** What a person reads of a screen, top to bottom: texts, labels of buttons, and chosen or typed values. */
function wordsOf({ body }: { body: string }): string {
  return body
    .replace(/<option[^>]*>[^<]*<\/option>/g, "")
    .replace(/<[^>]*?(?: value="([^"]*)")?[^>]*>/g, " $1 ")
    .replace(/undefined/g, "")
    .replace(/[ \n\t]+/g, " ");
}

let studio: Studio;

async function startedStudio(answers = {}): Promise<Studio> {
  const info = {
    format: "cifar10-binary",
    classes: ["cat"],
    thumbnails: [],
    train: { count: 5000, perClass: [5000] },
    test: { count: 10, perClass: [10] },
    warnings: [],
  };
  const engine = new FakeEngine({
    dataInfo: () => info,
    models: () => [],
    doctor: () => ({ cpu: { threads: 2 }, gpus: [], backends: [] }),
    listRuns: () => [],
    ...answers,
  });
  const started = new Studio(fakeBridge(engine).bridge);
  await started.start();
  return started;
}

describe("Set up", () => {
  const read = () => wordsOf(render(SetupScreen, { props: { studio } }));

  beforeEach(async () => {
    studio = await startedStudio();
  });

  it("has a card or a heading for each group of the table", () => {
    const words = read();
    for (const name of ["Batch size", "Random crop", "Precision", "Weight of the labels", "Learning rate of the control"]) expect(words).toContain(name);
    expect(words).not.toContain("Momentum");
  });

  it("says what the student minimises, whatever the objectives are", () => {
    expect(read()).toContain("0.62\u00a0·\u00a0soft labels + 0.38\u00a0·\u00a0labels");
    studio.setup.set("distillation.terms.0.kind", "dkd");
    studio.setup.addTerm();
    const words = read();
    expect(words).toContain("decoupled soft labels + 0.5\u00a0·\u00a0soft labels + 0.38\u00a0·\u00a0labels");
    expect(words).toContain("Decoupled soft labels: temperature 4");
    expect(words).toContain("Weight of the other classes");
    expect(words).toContain("Add an objective");
  });

  it("cautions where control and student are tuned separately", () => {
    studio.setup.usePreset("article");
    expect(read()).toContain("Tuned separately: learning rate 0.001 for the control, 0.0001 for the student");
    studio.setup.usePreset("article-equal");
    expect(read()).not.toContain("Tuned separately");
  });

  it("without a teacher, one model is trained", () => {
    studio.setup.setDistills(false);
    const words = read();
    expect(words).toContain("Without a teacher, one model is trained on the labels alone.");
    expect(words).not.toContain("Learning rate of the control");
  });

  it("names each problem where it was typed, and in the summary", () => {
    studio.setup.set("train.epochs", "many");
    expect(read().match(/expected an integer from 1 to 10000, got (&quot;|")many/gi)).toHaveLength(2);
  });
});

describe("Runs", () => {
  it("names the epochs of figures that stand side by side after unequal ones, and gives no difference", async () => {
    const arms = [summary("control", { state: "stopped", testAcc: 0.4, epochs: 3 }), summary("student", { state: "stopped", epochsDone: 1, epochs: 3 })];
    studio = await startedStudio({ listRuns: () => arms });
    const words = wordsOf(render(RunsScreen, { props: { studio } }));
    expect(words).toMatch(/2 and 1 of 3 epochs 40\.0 % by epoch 2 50\.0 % by epoch 1 – /);
  });
});

describe("a run's course", () => {
  const courseOf = (runs: ReturnType<typeof details>[], finished: boolean) =>
    render(Course, { props: { curves: curvesOf(runs), facts: factsOf(runs), finished } }).body;

  it("offers each part of the loss by its name, one that is new among them", () => {
    const student = details("student", { batches: batches(4, 2, { parts: { ce: 1, kd: 2, kd2: 1, novel: 3 } }) });
    const body = courseOf([details("control"), student], true);
    const options = [...body.matchAll(/<option value="(\w+)"[^>]*>([^<]*)</g)].map(([, value, label]) => [value, label]);
    expect(options).toEqual([
      ["loss", "The whole sum"],
      ["ce", "Labels (cross-entropy)"],
      ["kd", "Soft labels"],
      ["kd2", "Soft labels 2"],
      ["novel", "novel"],
    ]);
  });

  it("has nothing to choose where the loss is the labels' alone", () => {
    expect(courseOf([details("single", { recipe: controlRecipe })], true)).not.toContain("Part of the loss");
  });

  it("has the seal, with what was tuned separately in plain sight", () => {
    expect(wordsOf({ body: courseOf([details("control"), details("student")], true) })).toContain("Same start, same batches");
    const recipe = { ...controlRecipe, train: { ...studentRecipe.train, learningRate: 0.01 } };
    expect(wordsOf({ body: courseOf([details("control", { recipe }), details("student")], true) })).toMatch(
      /Tuned separately .*Learning rate 0\.01 for the control, 0\.001 for the student/,
    );
  });
});
