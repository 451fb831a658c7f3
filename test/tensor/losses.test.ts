// Losses weighted and added to others, as objectives are.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { add } from "../../src-main/tensor/ops/add";
import { distillationLoss, lossMetrics } from "../../src-main/tensor/ops/distillation-loss";
import { logSumExp } from "../../src-main/tensor/ops/log-sum-exp";
import { mean } from "../../src-main/tensor/ops/mean";
import { meanSquare } from "../../src-main/tensor/ops/mean-square";
import { multiply } from "../../src-main/tensor/ops/multiply";
import { oneHot } from "../../src-main/tensor/ops/one-hot";
import { relu } from "../../src-main/tensor/ops/relu";
import { resizeGrid } from "../../src-main/tensor/ops/resize-grid";
import { scale } from "../../src-main/tensor/ops/scale";
import { sliceTokens } from "../../src-main/tensor/ops/slice-tokens";
import { sumRows } from "../../src-main/tensor/ops/sum-rows";
import { backward, fromArray, full, scope, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { emulatedLibrary, noEmulator } from "../cuda/emulated";
import { uniform, whole } from "../reference/formula";
import { relativeError } from "../reference/goldens";

const addon = loadAddon();
useBackend(addon);

const [N, K] = [33, 10];
const classes = (name: string, scale = 3) => fromArray(uniform(name, N * K, scale), [N, K]);
const labels = () => fromArray(Int32Array.from(whole("labels", N, K)), [N]);
const soft = () => ({ teacher: classes("teacher"), temperature: 0.212, alpha: 0.62 });
const fused = (student: Tensor) => distillationLoss(student, { labels: labels(), soft: soft() }).loss;

/** The loss, and its gradient with respect to the student's logits. */
function computed(objective: (student: Tensor) => Tensor): { loss: number; gradient: Float32Array } {
  return scope(() => {
    const student = classes("student");
    student.requiresGrad = true;
    const loss = objective(student);
    backward(loss);
    return { loss: loss.toFloat32()[0]!, gradient: student.grad!.toFloat32() };
  });
}

const negative = (x: Tensor) => scale(x, -1);
const crossEntropy = (x: Tensor, labels: Tensor) => mean(add(logSumExp(x), negative(sumRows(multiply(x, oneHot(labels, K))))));

/** Of tokens [2,17,3] behind a class token, on a grid of 2x2. */
const features = (tokens: Tensor) => relu(resizeGrid(sliceTokens(tokens, 1, 17).reshape([2, 4, 4, 3]), 2));

const DEVICES = ["the processor", "an emulated GPU"] as const;

describe.each(DEVICES)("on %s", (device) => {
  beforeEach((test) => {
    if (device === "the processor") return;
    if (noEmulator) test.skip(noEmulator);
    addon.useCuda(emulatedLibrary, 0);
  });
  afterEach(() => addon.useCpu());

  it("a weighted loss has weighted gradients", () => {
    const plain = computed(fused);
    const weighted = computed((student) => scale(fused(student), 2.5));
    expect(weighted.loss).toBe(Math.fround(2.5 * plain.loss));
    expect(weighted.gradient).toEqual(plain.gradient.map((value) => 2.5 * value));
    expect(plain.gradient.some((value) => value !== 0)).toBe(true);
  });

  it("losses add up, and so do their gradients", () => {
    const square = (student: Tensor) => meanSquare(student, classes("features"));
    const [first, second] = [computed(fused), computed(square)];
    const both = computed((student) => add(fused(student), square(student)));
    expect(both.loss).toBe(Math.fround(first.loss + second.loss));
    expect(both.gradient).toEqual(first.gradient.map((value, i) => value + second.gradient[i]!));
  });

  it("a cross-entropy built from single ops equals the fused loss", () => {
    const expected = computed((student) => distillationLoss(student, { labels: labels() }).loss);
    const actual = computed((student) => crossEntropy(student, labels()));
    expect(Math.abs(actual.loss / expected.loss - 1)).toBeLessThan(1e-6);
    expect(relativeError(actual.gradient, expected.gradient)).toBeLessThan(1e-6);
  });

  it("the fused loss comes with its parts", () => {
    scope(() => {
      const result = distillationLoss(classes("student"), { labels: labels(), soft: soft() });
      const { loss, crossEntropy, divergence, correct } = lossMetrics(result);
      expect(Math.abs((0.62 * divergence + 0.38 * crossEntropy) / loss - 1)).toBeLessThan(1e-6);
      expect(correct).toBe(Math.round(correct));
    });
  });

  if (device === "the processor") return; // does not record
  it("an objective of many ops gives bitwise equal results when recorded and replayed", () => {
    scope(() => {
      const parameters = [classes("student"), fromArray(uniform("tokens", 2 * 17 * 3), [2, 17, 3])] as const;
      const [seen, target, weight] = [labels(), features(fromArray(uniform("target", 2 * 17 * 3), [2, 17, 3])), full([1], 0.5)];
      for (const each of parameters) each.requiresGrad = true;
      const pass = ([student, tokens]: typeof parameters) => {
        const loss = add(crossEntropy(student, seen), scale(meanSquare(features(tokens), target), 40, weight));
        backward(loss);
        return loss;
      };
      const results = (loss: Tensor) => [loss, ...parameters.map(({ grad }) => grad!)].map((tensor) => tensor.toFloat32());
      const expected = scope(() => results(pass(parameters)));
      addon.beginRecording();
      const loss = pass(parameters);
      const recording = addon.endRecording();
      addon.replay(recording);
      expect(results(loss)).toEqual(expected);
      addon.releaseRecording(recording);
    });
  });
});
