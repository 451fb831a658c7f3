import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import type { Head } from "../../src-main/training/backbone";
import { chooseHead, crossEntropy, DECAYS, fitHead, fitTemperature, type LabelledFeatures, logitsOf } from "../../src-main/training/head-fit";

const addon = loadAddon();
const threads = addon.threads();
beforeAll(() => useBackend(addon));
afterAll(() => addon.setThreads(threads));

const CLASSES = 3;
const options = { classes: CLASSES, yieldPoint: async () => {} };

/** Numbers in 0 ... 1 that look random (mulberry32). */
function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Overlapping classes: feature k leans to class k; the others are noise of other sizes and offsets, and the last is the same everywhere. */
function overlapping(count: number, width: number, seed: number): LabelledFeatures {
  const random = uniforms(seed);
  const labels = Int32Array.from({ length: count }, (_, n) => n % CLASSES);
  const value = (n: number, d: number) => (d === width - 1 ? 4 : (d + 1) * (random() + random() - 1) + 10 * d + (labels[n] === d ? 0.7 * (d + 1) : 0));
  return { values: Float32Array.from({ length: count * width }, (_, at) => value(Math.floor(at / width), at % width)), labels, width };
}

const train = overlapping(300, 12, 1);

/** Norm of the gradient of mean cross-entropy + decay / 2 |weight|^2, for standardised features, in double precision. */
function gradientNorm({ weight, bias }: Head, { values, labels, width }: LabelledFeatures, decay: number): number {
  const count = labels.length;
  const column = (d: number) => Array.from(labels, (_, n) => values[n * width + d]!);
  const mean = Array.from({ length: width }, (_, d) => column(d).reduce((sum, x) => sum + x, 0) / count);
  const deviation = mean.map((m, d) => Math.sqrt(column(d).reduce((sum, x) => sum + (x - m) ** 2, 0) / count) || 1);
  const gradient = new Float64Array(CLASSES * width + CLASSES);
  for (const [n, label] of labels.entries()) {
    const logits = Array.from(bias, (b, k) => mean.reduce((sum, _, d) => sum + weight[k * width + d]! * values[n * width + d]!, b));
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    for (const [k, logit] of logits.entries()) {
      const error = (Math.exp(logit) / total - (k === label ? 1 : 0)) / count;
      for (let d = 0; d < width; d++) gradient[k * width + d]! += (error * (values[n * width + d]! - mean[d]!)) / deviation[d]!;
      gradient[CLASSES * width + k]! += error;
    }
  }
  for (let at = 0; at < CLASSES * width; at++) gradient[at]! += decay * weight[at]! * deviation[at % width]!;
  return Math.hypot(...gradient);
}

describe("a head", () => {
  test.each([0.3, 0.01, 0.0001])("is where the gradient of the regularised loss is zero, at decay %d", async (decay) => {
    const head = await fitHead(train, decay, options);
    expect(gradientNorm(head, train, decay)).toBeLessThan(3e-4);
    const moved = { ...head, weight: head.weight.map((w) => w * 1.02) };
    expect(gradientNorm(moved, train, decay)).toBeGreaterThan(1e-3);
  });

  test("has the same bits with one thread and with two", async () => {
    const wide = overlapping(400, 160, 2);
    const fitted = async (count: number) => {
      addon.setThreads(count);
      return chooseHead(wide, overlapping(90, 160, 3), options);
    };
    const [one, two] = [await fitted(1), await fitted(2)];
    expect(one).toEqual(two);
  });

  test("takes the decay with the lowest loss on the validation images, and stops after it has risen twice", async () => {
    // More features than images: a weak decay fits the noise.
    const [few, validation] = [overlapping(60, 90, 5), overlapping(90, 90, 7)];
    const { decay, trials, head, validationLogits } = await chooseHead(few, validation, options);
    const best = trials.findIndex((trial) => trial.decay === decay);
    expect(trials.map((trial) => trial.decay)).toEqual(DECAYS.slice(0, best + 3));
    expect(best + 3).toBeLessThan(DECAYS.length);
    expect(trials[best]!.loss).toBe(Math.min(...trials.map(({ loss }) => loss)));
    expect(logitsOf(head, validation)).toEqual(validationLogits);
    expect(crossEntropy(validationLogits!, validation.labels, CLASSES)).toBe(trials[best]!.loss);
  });
});

describe("the temperature", () => {
  const labels = Int32Array.of(0, 0, 0, 1);
  // Three of four are right, whatever the confidence: at the best temperature it is 3/4.
  const logits = Float32Array.of(5, 0, 5, 0, 5, 0, 5, 0);

  test("makes answers as sure as they are right", () => {
    const temperature = fitTemperature(logits, labels, 2);
    expect(1 / (1 + Math.exp(-5 / temperature))).toBeCloseTo(0.75, 6);
  });

  test("has a lower loss than those beside it", () => {
    const temperature = fitTemperature(logits, labels, 2);
    const loss = (t: number) => crossEntropy(logits, labels, 2, t);
    expect(loss(temperature)).toBeLessThan(loss(temperature * 1.1));
    expect(loss(temperature)).toBeLessThan(loss(temperature / 1.1));
  });

  test("stays within its bounds where every answer is right", () => {
    expect(fitTemperature(Float32Array.of(1, 0, 0, 1), Int32Array.of(0, 1), 2)).toBeCloseTo(0.05, 6);
  });
});
