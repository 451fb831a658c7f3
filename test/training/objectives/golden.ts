/** The objectives against PyTorch, from inputs by formula. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Term } from "../../../src-main/contract/objectives";
import { backward, fromArray, scope, type Tensor } from "../../../src-main/tensor/tensor";
import type { Computed, Objective, ObjectiveContext } from "../../../src-main/training/objectives/objective";
import { createObjective } from "../../../src-main/training/objectives/table";
import { uniform, whole } from "../../reference/formula";

export const goldens = JSON.parse(readFileSync(new URL("../../reference/objectives.json", import.meta.url), "utf8"));

/** A case of an objective that looks at logits alone. */
export interface LogitsCase {
  term: Term;
  parts: Record<string, number>;
  loss: number;
  dlogits: number[];
}

const [N, K] = [6, 10];

/** Needs nothing of the networks. */
export function objectiveOf(term: Term): Objective {
  return createObjective(term as never, null as unknown as ObjectiveContext);
}

/** The objective's loss, its parts and its gradient are PyTorch's, and a weighted loss has a weighted gradient. */
export function expectGolden({ term, parts, loss, dlogits }: LogitsCase, tolerance = 2e-5): void {
  scope(() => {
    const objective = objectiveOf(term);
    const logits = fromArray(uniform("student's logits", N * K, 4), [N, K]);
    logits.requiresGrad = true;
    const teacher = new Map([["logits", fromArray(uniform("teacher's logits", N * K, 8), [N, K])]]);
    const computed = objective.compute({ logits, labels: fromArray(whole("labels", N, K), [N]), features: new Map(), teacher });
    expectClose(computed.loss.toFloat32(), [loss], tolerance);
    expect([...objective.parts]).toEqual(Object.keys(parts));
    for (const name of objective.parts) expectClose([readingOf(computed, name)], [parts[name]!], tolerance);
    backward(computed.loss, fromArray(Float32Array.of(2.5), [1]));
    expectClose(
      logits.grad!.toFloat32(),
      dlogits.map((value) => 2.5 * value),
      tolerance,
    );
  });
}

function readingOf({ readings }: Computed, name: string): number {
  const { names, tensor } = readings.find(({ names }) => names.includes(name))!;
  return tensor.toFloat32()[names.indexOf(name)]!;
}

/** By the largest expected value. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  const error = Math.max(...Array.from(expected, (value, i) => Math.abs(actual[i]! - value)));
  expect(error / scale).toBeLessThanOrEqual(tolerance);
}

export function withGradient(tensor: Tensor): Tensor {
  tensor.requiresGrad = true;
  return tensor;
}
