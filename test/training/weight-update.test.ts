// Label smoothing, and what follows a backward pass, against PyTorch and timm (test/reference/make_training.py).
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { CIFAR10_NORMALIZATION } from "../../src-main/contract/normalization";
import type { Model } from "../../src-main/models/model";
import { backward, fromArray, scope, useBackend } from "../../src-main/tensor/tensor";
import { Criterion } from "../../src-main/training/criterion";
import { createOptimizer } from "../../src-main/training/optimizer";
import { WeightAverage } from "../../src-main/training/weight-average";
import { WeightUpdate } from "../../src-main/training/weight-update";
import { sample, uniform, whole } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { formulaImages, formulaModel } from "../reference/models";

useBackend(loadAddon());
const goldens = JSON.parse(readFileSync(new URL("../reference/training.json", import.meta.url), "utf8"));

describe("label smoothing", () => {
  const { smoothing, ...losses } = goldens.labelSmoothing;

  test.each(["labels", "mixture"])("of %s is PyTorch's", (targets) => {
    scope(() => {
      const logits = fromArray(uniform("logits", 80, 4), [8, 10]);
      logits.requiresGrad = true;
      const network = { model: { forwardFeatures: () => ({ logits, features: new Map() }) } as unknown as Model, normalization: CIFAR10_NORMALIZATION };
      const labels = whole("labels", 8, 10);
      const batch = { images: logits, labels: fromArray(labels, [8]), mixture: targets === "mixture" ? mixtureOf(labels) : null, teacher: new Map() };
      const { loss } = new Criterion(network, null, null, smoothing).compute(batch);
      backward(loss);
      expect(loss.toFloat32()[0]).toBeCloseTo(losses[targets].loss, 5);
      expect(relativeError(logits.grad!.toFloat32(), losses[targets].gradient)).toBeLessThan(1e-5);
    });
  });

  function mixtureOf(labels: Int32Array) {
    const partners = whole("partners", 8, 10);
    const y = new Float32Array(80);
    for (const [n, share] of uniform("shares", 8, 0.5, 0.5).entries()) {
      y[10 * n + labels[n]!]! += share;
      y[10 * n + partners[n]!]! += 1 - share;
    }
    return fromArray(y, [8, 10]);
  }
});

test("groups of batches, clipping and the average of the weights follow PyTorch's and timm's steps", () => {
  const { sizes, accumulate, clipNorm, ema, learningRate, momentum, losses, norms, weights, averages } = goldens.steps;
  // One of two steps is clipped.
  expect(norms.map((norm: number) => norm > clipNorm)).toEqual([false, true]);
  const model = formulaModel("resnet8_cifar10", { imageSize: 32, patchSize: null });
  const network = { model, normalization: CIFAR10_NORMALIZATION };
  const parameters = model.parameters();
  const optimizer = createOptimizer(parameters, { optimizer: "sgd", weightDecay: 0, decay: "all", momentum, nesterov: false });
  const average = new WeightAverage(network, ema);
  const update = new WeightUpdate(parameters, optimizer, average, { accumulate, clipNorm });
  const criterion = new Criterion(network, null, null);
  for (const [batch, size] of (sizes as number[]).entries()) {
    scope(() => {
      const labels = fromArray(whole(`labels of batch ${batch}`, size, 10), [size]);
      const { loss } = criterion.compute({ images: formulaImages(`images of batch ${batch}`, size, 32), labels, teacher: new Map() });
      backward(loss);
      expect(Math.abs(loss.toFloat32()[0]! / losses[batch] - 1)).toBeLessThan(1e-3);
      const place = batch % accumulate;
      const group: number[] = sizes.slice(batch - place, batch - place + accumulate);
      const share = size / group.reduce((sum, each) => sum + each, 0);
      update.take({ isFirst: place === 0, isLast: place === group.length - 1, share }, learningRate);
    });
  }
  expect(optimizer.steps).toBe(2);
  for (const [of, expected] of [
    [model, weights],
    [average.network.model, averages],
  ] as const) {
    for (const [name, values] of Object.entries(expected as Record<string, number[]>)) {
      expect(relativeError(sample(name, of.weights().get(name)!.toFloat32()), values), name).toBeLessThan(2e-3);
    }
  }
  for (const owner of [update, average, optimizer, model]) owner.release();
});
