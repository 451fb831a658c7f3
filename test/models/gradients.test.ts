// Gradients of a loss in training mode against timm's, with formula weights: a model of each family with a structure of its own.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { distillationLoss } from "../../src-main/tensor/ops/distillation-loss";
import { backward, fromArray, scope, useBackend } from "../../src-main/tensor/tensor";
import { sample, whole } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { formulaImages, formulaModel } from "../reference/models";

interface Golden {
  model: string;
  imageSize: number;
  patchSize: number | null;
  images: number;
  loss: number;
  /** Of each parameter's gradient. */
  norms: Record<string, number>;
  /** The first of its sample. */
  values: Record<string, number[]>;
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL("../reference/gradients.json", import.meta.url), "utf8"));
/** Relative. In fp32 some values are on the other side of a ReLU than in double precision. */
const TOLERANCE = 1e-2;

useBackend(loadAddon());

const normOf = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

it.each(goldens)("$model has timm's loss and gradients", (golden) => {
  const model = formulaModel(golden.model, golden).train();
  scope(() => {
    const logits = model.forward(formulaImages("images", golden.images, golden.imageSize));
    const labels = fromArray(whole("labels", golden.images, 10), [golden.images]);
    const { loss } = distillationLoss(logits, { labels, labelWeights: null, soft: null });
    expect(Math.abs(loss.toFloat32()[0]! - golden.loss)).toBeLessThan(1e-4);
    backward(loss);
    const gradients = new Map([...model.parameters()].map(([name, { grad }]) => [name, grad!.toFloat32()]));
    expect([...gradients.keys()].sort()).toEqual(Object.keys(golden.norms).sort());
    // A gradient that is zero but for rounding has no digits to compare.
    const largest = Math.max(...Object.values(golden.norms));
    for (const [name, norm] of Object.entries(golden.norms))
      expect(Math.abs(normOf(gradients.get(name)!) - norm), name).toBeLessThan(TOLERANCE * norm + 1e-6 * largest);
    for (const [name, values] of Object.entries(golden.values))
      expect(relativeError(sample(name, gradients.get(name)!).slice(0, values.length), values), name).toBeLessThan(TOLERANCE);
  });
  model.release();
});
