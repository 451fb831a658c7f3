// 20 steps of training from the same weights and batches as PyTorch's.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { CIFAR10_NORMALIZATION } from "../../src-main/contract/normalization";
import type { Precision } from "../../src-main/contract/recipe";
import { fromArray, noGrad, scope } from "../../src-main/tensor/tensor";
import { type Batch, Criterion } from "../../src-main/training/criterion";
import type { Network } from "../../src-main/training/network";
import { createOptimizer } from "../../src-main/training/optimizer";
import { Pass } from "../../src-main/training/pass";
import { whole } from "../reference/formula";
import { formulaImages, formulaModel } from "../reference/models";

const TOLERANCES = { fp32: 1e-3, bf16: 2e-2 };

export interface Run {
  model: string;
  batchSize: number;
  arm: "control" | "student";
  learningRate: number;
  losses: number[];
}
const trajectory: {
  teacher: string;
  temperature: number;
  alpha: number;
  weightDecay: number;
  imageSize: number;
  patchSize: number;
  runs: Run[];
} = JSON.parse(readFileSync(new URL("../reference/trajectory.json", import.meta.url), "utf8"));

export const { runs } = trajectory;

/** Trains on the current backend, and expects each loss to be PyTorch's in fp32, within what the precision allows. */
export function follow(run: Run, precision: Precision): void {
  const { losses } = run;
  const actual = train(run, precision);
  for (const [step, loss] of losses.entries()) {
    expect(Math.abs(actual[step]! - loss) / loss, `step ${step + 1}: expected ${loss}, got ${actual[step]}`).toBeLessThanOrEqual(TOLERANCES[precision]);
  }
}

function train({ model, batchSize, arm, learningRate, losses }: Run, precision: Precision): number[] {
  const { imageSize, patchSize, temperature, alpha, weightDecay } = trajectory;
  const student = network(model, patchSize);
  const teacher = network(trajectory.teacher, null);
  teacher.model.eval();
  const terms = [{ kind: "soft" as const, weight: alpha, temperature }];
  const criterion = new Criterion(student, arm === "control" ? null : { labels: 1 - alpha, terms, images: "all", cacheTeacher: true }, null);
  const pass = new Pass((batch) => criterion.compute(batch), student.model.parameters());
  const optimizer = createOptimizer(student.model.parameters(), { optimizer: "adamw", weightDecay, decay: "all", momentum: 0, nesterov: false });
  const history = losses.map((_, step) =>
    trainStep(
      pass,
      () => batch(step, batchSize, imageSize, precision, teacher),
      () => optimizer.step(learningRate),
    ),
  );
  for (const owner of [optimizer, student.model, teacher.model]) owner.release();
  return history;
}

function network(name: string, patchSize: number | null): Network {
  return { model: formulaModel(name, { imageSize: trajectory.imageSize, patchSize }), normalization: CIFAR10_NORMALIZATION };
}

function trainStep(pass: Pass, nextBatch: () => Batch, update: () => void): number {
  return scope(() => {
    const numbers = pass.run(nextBatch());
    update();
    return numbers().loss!;
  });
}

function batch(step: number, size: number, imageSize: number, precision: Precision, teacher: Network): Batch {
  const exact = formulaImages(`images of step ${step}`, size, imageSize);
  const images = precision === "bf16" ? fromArray(exact.toFloat32(), exact.shape, "bf16") : exact;
  const labels = fromArray(whole(`labels of step ${step}`, size, 10), [size]);
  return { images, labels, teacher: new Map([["logits", noGrad(() => teacher.model.forward(images))]]) };
}
