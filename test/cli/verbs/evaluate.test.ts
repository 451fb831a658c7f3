import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EvaluateResult, ModelAnswers } from "../../../src-main/contract/answers";
import { calibration, classFigures, confusionMatrix, judge, topK } from "../../../src-main/contract/classification";
import { runWith } from "../fake-engine";

const answers = [judge(0, [0.9, 0.1]), judge(0, [0.2, 0.8]), judge(1, [0.4, 0.6]), judge(1, [0.3, 0.7])];
const classes = ["cat", "dog"];
const confusion = confusionMatrix(answers, 2);
const { error, bins } = calibration(answers);
const model = (name: string): ModelAnswers => ({
  name,
  model: name,
  weights: `/w/${name}`,
  imagesPerSecond: 100,
  seen: null,
  scores: {
    accuracy: topK(answers, 1),
    top5: 1,
    loss: 0.5,
    perClass: classFigures(confusion).map((figures, k) => ({ name: classes[k]!, accuracy: figures.recall!, ...figures })),
    confusion,
    calibrationError: error,
    reliability: bins,
    mistakes: [{ image: "test/cat/2.png", class: "cat", predicted: "dog", confidence: 0.8 }],
  },
});
const one: EvaluateResult = {
  images: 4,
  tested: { path: "/photos", drawn: null },
  classes,
  models: [model("first")],
  pairs: [],
  predictions: null,
  leftOut: [],
};
const two: EvaluateResult = {
  ...one,
  models: [model("first"), model("second")],
  pairs: [{ first: "first", second: "second", agreement: 0.75, onlyRight: [3, 1], mcNemar: 0.625 }],
};

const evaluate = (result: EvaluateResult, ...args: string[]) => runWith({ evaluate: () => result }, ["evaluate", ...args]);
const FIRST = ["--model", "first", "--weights", "w"];
const squeezed = (text: string) => text.replace(/ {2,}/g, " | ");

describe("distill evaluate", () => {
  it("of one model says how good it is, by class, how sure, and what it got wrong", async () => {
    const { out, calls } = await evaluate(one, ...FIRST, "--data", "bundled", "--image-size", "32");
    expect(calls[0]!.params).toEqual({
      models: [{ model: "first", weights: "/nowhere/w", imageSize: 32 }],
      runs: [],
      data: "bundled",
      format: "auto",
    });
    const text = squeezed(out);
    for (const line of [
      "accuracy | 75.0 %",
      "cat | 2 | 50.0 % | 100.0 %",
      "dog | 2 | 100.0 % | 66.7 %",
      "86.7 % to 93.3 % | 1 | 90.0 % | 100.0 %",
      "cat taken for dog | 1 image",
      "test/cat/2.png | cat | dog | 80.0 %",
    ])
      expect(text).toContain(line);
  });

  it("says how often the class is among the first five where there are more", async () => {
    const top5 = async (count: number) =>
      (await evaluate({ ...one, classes: [..."abcdef"].slice(0, count) }, ...FIRST, "--data", "bundled")).out.includes("top-5");
    expect([await top5(5), await top5(6)]).toEqual([false, true]);
  });

  it("of several puts them side by side, and says where they differ", async () => {
    const { out, calls } = await evaluate(two, ...FIRST, "--model", "second", "--weights", "v", "--run", "runs/x");
    expect(calls[0]!.params).toMatchObject({ models: [{ model: "first" }, { model: "second" }], runs: ["/nowhere/runs/x"], data: null });
    const text = squeezed(out);
    expect(text).toContain("| first | second\naccuracy | 75.0 % | 75.0 %\n");
    expect(text).toContain("first and second give the same answer to 75.0 % of the images. Only first is right on 3, only second on 1");
    expect(text).toContain("62.5 % of all cases (McNemar)");
    expect(text).toContain("cat | 2 | 50.0 % | 50.0 %");
  });

  it("of images without labels lists the answers", async () => {
    const predictions = [{ image: "a.png", answers: [{ predicted: "dog", confidence: 0.9 }] }];
    const result = { ...one, models: [{ ...model("first"), scores: null }], predictions };
    const { out } = await evaluate(result, ...FIRST, "--data", "photos");
    expect(squeezed(out)).toContain("image | first\na.png | dog 90.0 %\n");
    expect(out).not.toContain("accuracy");
  });

  it("prints all of it as JSON, with the first model's main figures where they were when there was one", async () => {
    const json = JSON.parse((await evaluate(two, ...FIRST, "--data", "bundled", "--json")).out);
    expect(json).toMatchObject({
      model: "first",
      weights: "/w/first",
      images: 4,
      accuracy: 0.75,
      loss: 0.5,
      imagesPerSecond: 100,
      perClass: [{ name: "cat" }, {}],
    });
    expect({
      images: json.images,
      classes: json.classes,
      models: json.models,
      pairs: json.pairs,
      tested: json.tested,
      predictions: json.predictions,
      leftOut: json.leftOut,
    }).toEqual(two);
  });

  it.each([
    [[...FIRST, "--model", "b", "--data", "x"], "each --model needs its --weights: got 2 models and 1 of weights"],
    [["--data", "x"], "expected --weights, or --run"],
    [FIRST, "--data is missing"],
    [[...FIRST, "--run", "r", "--image-size", "32"], "--image-size, --patch-size, --mean and --std are for one model"],
  ])("%j is wrong usage", async (args, message) => {
    const { status, err } = await evaluate(one, ...args);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it("takes folders from the current one", async () => {
    const { calls } = await runWith({ evaluate: () => one }, ["evaluate", "--run", "a", "--data", "photos"], { cwd: "/home" });
    expect(calls[0]!.params).toMatchObject({ runs: [join("/home", "a")], data: join("/home", "photos") });
  });
});
