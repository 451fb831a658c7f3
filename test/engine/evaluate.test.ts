import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { EvaluateResult } from "../../src-main/contract/answers";
import { calibration, judge } from "../../src-main/contract/classification";
import type { EvaluateRequest } from "../../src-main/contract/engine";
import type { ComparisonResult } from "../../src-main/contract/run";
import { mcNemar } from "../../src-main/contract/statistics";
import { evaluateOnData } from "../../src-main/engine/evaluate";
import { predictionFiles, readPredictions } from "../../src-main/runs/predictions";
import { useBackend } from "../../src-main/tensor/tensor";
import { png } from "../data/image-files";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
let compared: ComparisonResult;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  compared = (await trainInto(folder.path("run"), smallRecipe(folder.teacher, { epochs: 1 }))).result as ComparisonResult;
});
afterAll(() => folder.remove());

const said: string[] = [];
const evaluated = (request: Partial<EvaluateRequest>): Promise<EvaluateResult> =>
  evaluateOnData(
    { models: [], runs: [], data: null, format: "auto", ...request },
    async () => {},
    (notice) => void ("text" in notice && said.push(notice.text)),
  );
const teacher = () => ({ model: "resnet20_cifar10", weights: folder.teacher });

describe("the folder of a comparison", () => {
  let result: EvaluateResult;
  beforeAll(async () => {
    result = await evaluated({ runs: [folder.path("run")] });
  });

  test("gives both students and their teacher, on the recipe's test images", () => {
    expect(result).toMatchObject({ images: 10, classes: CIFAR10_CLASSES, predictions: null });
    expect(result.models.map(({ name, scores }) => [name, scores!.accuracy])).toEqual([
      ["control", compared.control.testAcc],
      ["student", compared.student.testAcc],
      ["teacher", compared.teacher.testAcc],
    ]);
  });

  test("what is said of them is what the kept predictions say", () => {
    const { labels, probabilities } = readPredictions(predictionFiles(compared.student.directory).last)!;
    const answers = Array.from(labels, (label, n) => judge(label, probabilities.subarray(10 * n, 10 * n + 10)));
    const { scores } = result.models[1]!;
    expect(scores!.calibrationError).toBeCloseTo(calibration(answers).error, 6);
    expect(scores!.reliability.map(({ count }) => count)).toEqual(calibration(answers).bins.map(({ count }) => count));
    expect(scores!.top5).toBe(answers.filter(({ rank }) => rank < 5).length / 10);
    const wrong = answers.map((answer, n) => ({ ...answer, n })).filter(({ rank }) => rank > 0);
    const worst = wrong.sort((a, b) => b.confidence - a.confidence)[0]!;
    expect(scores!.mistakes).toHaveLength(wrong.length);
    expect(scores!.mistakes[0]).toMatchObject({ image: String(worst.n), class: CIFAR10_CLASSES[worst.label], predicted: CIFAR10_CLASSES[worst.predicted] });
    for (const { predicted, label } of answers) expect(scores!.confusion[label]![predicted]).toBeGreaterThan(0);
  });

  test("each two are compared", () => {
    expect(result.pairs.map(({ first, second }) => [first, second])).toEqual([
      ["control", "student"],
      ["control", "teacher"],
      ["student", "teacher"],
    ]);
    const { agreement, onlyRight, mcNemar: p } = result.pairs[2]!;
    expect(agreement).toBeCloseTo(compared.student.agreement!, 12);
    expect((onlyRight![0] - onlyRight![1]) / 10).toBeCloseTo(compared.student.testAcc - compared.teacher.testAcc, 12);
    expect(p).toBe(mcNemar(...onlyRight!));
  });
});

test("arms of different comparisons are not compared, wherever they lie", async () => {
  const [first, second] = [3, 4].map((seed) => folder.path("gain", "labels-10", `seed-${seed}`));
  for (const out of [first!, second!]) await trainInto(out, smallRecipe(folder.teacher, { epochs: 1, seed: Number(out.at(-1)) }));
  const { models, pairs } = await evaluated({ runs: [folder.path("gain")] });
  expect(models.map(({ name }) => name)).toEqual([
    "labels-10/seed-3/control",
    "labels-10/seed-3/student",
    "labels-10/seed-4/control",
    "labels-10/seed-4/student",
    "teacher",
  ]);
  const withoutTeacher = pairs.filter(({ second }) => second !== "teacher").map((pair) => [pair.first, pair.second]);
  expect(withoutTeacher).toEqual([models.slice(0, 2).map(({ name }) => name), models.slice(2, 4).map(({ name }) => name)]);
  expect(pairs).toHaveLength(6);
});

test("of a good network and an untrained one, the good one is right alone", async () => {
  const { models, pairs } = await evaluated({ models: [teacher(), { ...teacher(), weights: "bundled" }], runs: [folder.path("run")] });
  const [untrained, good] = [models.findIndex(({ weights }) => weights === folder.teacher), models.findIndex(({ weights }) => weights === "bundled")];
  const { onlyRight } = pairs.find(({ first, second }) => first === models[untrained]!.name && second === models[good]!.name)!;
  expect(onlyRight![0]).toBeLessThanOrEqual(1);
  expect(onlyRight![1]).toBeGreaterThan(5);
});

test("a folder of images without class folders gets predictions alone, and says so", async () => {
  mkdirSync(folder.path("images"));
  for (const name of ["b.png", "a.png"]) writeFileSync(folder.path("images", name), await png(8, 8, [200, 10, 10]));
  said.length = 0;
  const result = await evaluated({ models: [teacher(), teacher()], data: folder.path("images") });
  expect(said.at(-1)).toContain("the 2 images lie in no class folders, so there are predictions alone");
  expect(result.predictions!.map(({ image }) => image)).toEqual(["a.png", "b.png"]);
  expect(result.models.map(({ scores }) => scores)).toEqual([null, null]);
  expect(result.pairs).toMatchObject([{ agreement: 1, onlyRight: null, mcNemar: null }]);
  expect(CIFAR10_CLASSES).toContain(result.predictions![0]!.answers[1]!.predicted);
});

test("what cannot be evaluated is named", async () => {
  await expect(evaluated({ models: [teacher()] })).rejects.toThrow("expected a folder of images");
  await expect(evaluated({ data: "bundled" })).rejects.toThrow("expected at least one model");
  await expect(evaluated({ runs: [join(folder.path(), "none")] })).rejects.toThrow("none holds no run");
});
