import { expect, test } from "vitest";
import { loadAddon } from "../../../src-main/backend/load";
import { fromArray, scope, useBackend } from "../../../src-main/tensor/tensor";
import { expectGolden, goldens, type LogitsCase, objectiveOf } from "./golden";

useBackend(loadAddon());

test.each<LogitsCase>(goldens.hard)("is PyTorch's: $term", (golden) => expectGolden(golden));

test("takes the first of the teacher's equal logits", () => {
  scope(() => {
    const teacher = new Map([["logits", fromArray(Float32Array.of(1, 3, 3, 2), [1, 4])]]);
    const student = (values: number[]) => fromArray(Float32Array.from(values), [1, 4]);
    const lossOf = (values: number[]) => {
      const inputs = { logits: student(values), labels: fromArray(Int32Array.of(3), [1]), features: new Map(), teacher };
      return objectiveOf({ kind: "hard", weight: 1 }).compute(inputs).loss.toFloat32()[0]!;
    };
    expect(lossOf([0, 20, 0, 0])).toBeLessThan(1e-6);
    expect(lossOf([0, 0, 20, 0])).toBeGreaterThan(19);
  });
});

test("asks the teacher for its logits alone", () => {
  expect(objectiveOf(goldens.hard[0].term).needs).toEqual({ teacherLogits: true });
});
