import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { render } from "../../src-main/data/batches";
import type { Dataset } from "../../src-main/data/dataset";
import { noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { AnswerCache } from "../../src-main/training/answer-cache";
import { renderingFor, type TrainedNetwork } from "../../src-main/training/network";
import { Planner } from "../../src-main/training/plan";
import { type OtherTeaching, Teacher } from "../../src-main/training/teacher";
import { smallData, smallRecipe, smallTeacher } from "./small-experiment";

let data: Dataset;
let first: TrainedNetwork;
let other: TrainedNetwork;
beforeAll(() => {
  useBackend(loadAddon());
  data = smallData();
  first = smallTeacher();
  other = { ...smallTeacher({ imageSize: 4 }), normalization: { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] }, hash: "other" };
});
afterAll(() => {
  for (const { model } of [first, other]) model.release();
  data.release();
});

const planner = () => new Planner(data.train, smallRecipe());
const needs = { logits: true, features: [{ stage: "layer2", side: 2 }] };

function teacherOf(others: OtherTeaching[], cache: AnswerCache | null = null): Teacher {
  return new Teacher({ network: first, others, data, precision: "fp32", needs, cache });
}

/** Logits and features for some batches of the first epoch. */
function answersTo(teacher: Teacher, batches: number[]): number[][] {
  return batches.flatMap((batch) => scope(() => [...teacher.answer(planner().plan(1, batch), false).values()].map((tensor) => [...tensor.toFloat32()])));
}

test("their logits are averaged by weight, each at its own size and normalisation, and features are the first one's", () => {
  const plan = planner().plan(1, 0);
  const logitsOf = (network: TrainedNetwork) =>
    scope(() => noGrad(() => network.model.forward(render(data.train, plan, renderingFor(network, "fp32"))).toFloat32()));
  const [a, b] = [logitsOf(first), logitsOf(other)];
  const [logits, features] = answersTo(teacherOf([{ network: other, weight: 0.5 }]), [0]);
  for (const [i, value] of logits!.entries()) expect(value).toBeCloseTo((a[i]! + 0.5 * b[i]!) / 1.5, 5);
  expect(features).toEqual(answersTo(teacherOf([]), [0])[1]);
});

test("what is remembered of them is bitwise what they answer", () => {
  const others = [{ network: other, weight: 0.5 }];
  const asked = answersTo(teacherOf(others), [0, 1, 0]);
  const cache = new AnswerCache();
  expect(answersTo(teacherOf(others, cache), [0, 1, 0])).toEqual(asked);
  const known = teacherOf(others, cache);
  expect(answersTo(known, [0, 1, 0])).toEqual(asked);
  expect(known.summary).toBe("teacher's answers: 0 computed, 24 from the cache");
});

test("another weight, or none, is another teacher, also for the cache", () => {
  const cache = new AnswerCache();
  const asked = ([[], [{ network: other, weight: 1 }], [{ network: other, weight: 2 }]] as OtherTeaching[][]).map((others) => {
    const teacher = teacherOf(others, cache);
    answersTo(teacher, [0]);
    // The cache takes what was answered last.
    teacher.release();
    return { hash: teacher.hash, summary: teacher.summary };
  });
  expect(asked[0]!.hash).toBe(first.hash);
  expect(new Set(asked.map(({ hash }) => hash)).size).toBe(3);
  for (const { summary } of asked) expect(summary).toBe("teacher's answers: 8 computed, 0 from the cache");
});
