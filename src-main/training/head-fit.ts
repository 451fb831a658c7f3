/** A linear head on fixed features: multinomial logistic regression, its weight decay chosen on validation images. */
import { calibration, judge, topK } from "../contract/classification";
import { softmax } from "../contract/softmax";
import { distillationLoss, lossMetrics } from "../tensor/ops/distillation-loss";
import { linear } from "../tensor/ops/linear";
import { backend, backward, fromArray, noGrad, scope, type Tensor, unscoped } from "../tensor/tensor";
import type { Head } from "./backbone";
import { type Minimum, minimize, type Slope } from "./minimize";

/** Row-major features [N,D] of N images, and their labels [N], each at least 0. */
export interface LabelledFeatures {
  values: Float32Array;
  labels: Int32Array;
  /** D */
  width: number;
}

/** The weight decays that are tried, from the strongest to the weakest, for features of mean 0 and deviation 1. */
export const DECAYS = [1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001] as const;
/** Without validation images. */
export const DEFAULT_DECAY = 0.03;
/** Decays are weakened until the loss has risen so often in a row. */
const RISES = 2;
/** Of the norm of the gradient: far below what changes an answer, and above what fp32 resolves. */
const TOLERANCE = 1e-4;
const MOST_ITERATIONS = 500;

/** One decay, and how good its head is on the validation images. */
export interface Trial {
  decay: number;
  accuracy: number;
  /** Cross-entropy, mean over the images. */
  loss: number;
}

export interface ChosenHead {
  head: Head;
  decay: number;
  /** All that were tried; empty without validation images. */
  trials: Trial[];
  /** Logits [V,K] of the validation images by a head that was not fitted to them, from which the decay was chosen; null without. */
  validationLogits: Float32Array | null;
}

export interface FitOptions {
  classes: number;
  yieldPoint(): Promise<void>;
  /** Told how many of so many fits are done. */
  onFit?(done: number, most: number): void;
}

/** Fits a head for each decay, and takes the one with the lowest cross-entropy on the validation images. */
export async function chooseHead(train: LabelledFeatures, validation: LabelledFeatures | null, options: FitOptions): Promise<ChosenHead> {
  const fit = new HeadFit(train, options);
  try {
    if (!validation) return { head: await fit.at(DEFAULT_DECAY), decay: DEFAULT_DECAY, trials: [], validationLogits: null };
    const tried: (Trial & { head: Head; logits: Float32Array })[] = [];
    const best = () => tried.reduce((best, each) => (each.loss < best.loss ? each : best));
    for (const [i, decay] of DECAYS.entries()) {
      options.onFit?.(i, DECAYS.length);
      const head = await fit.at(decay);
      const logits = logitsOf(head, validation);
      const { labels } = validation;
      tried.push({ decay, head, logits, accuracy: accuracyOf(logits, labels, options.classes), loss: crossEntropy(logits, labels, options.classes) });
      if (tried.length - 1 - tried.indexOf(best()) >= RISES) break;
    }
    options.onFit?.(DECAYS.length, DECAYS.length);
    const { head, decay, logits } = best();
    return { head, decay, trials: tried.map(({ decay, accuracy, loss }) => ({ decay, accuracy, loss })), validationLogits: logits };
  } finally {
    fit.release();
  }
}

/** Fits a head with this decay. */
export async function fitHead(train: LabelledFeatures, decay: number, options: FitOptions): Promise<Head> {
  const fit = new HeadFit(train, options);
  try {
    return await fit.at(decay);
  } finally {
    fit.release();
  }
}

/**
 * Minimises the mean cross-entropy + decay / 2 |weight|^2 over the whole of the features, which are standardised first; the bias does not decay. Products
 * are the backend's, so the result has the same bits with any number of threads.
 */
class HeadFit {
  readonly #scaling: Scaling;
  /** [N,D], standardised, and [N]. */
  readonly #features: Tensor;
  readonly #labels: Tensor;
  /** [K,D] and [K] */
  readonly #weight: Tensor;
  readonly #bias: Tensor;
  readonly #options: FitOptions;
  /** Where the fit before ended: the next begins there. */
  #latest: Float64Array;

  constructor({ values, labels, width }: LabelledFeatures, options: FitOptions) {
    const { classes } = options;
    this.#options = options;
    this.#scaling = scalingOf(values, width);
    [this.#features, this.#labels, this.#weight, this.#bias] = unscoped(() => [
      fromArray(standardized(values, this.#scaling), [labels.length, width]),
      fromArray(labels, [labels.length]),
      fromArray(new Float32Array(classes * width), [classes, width]),
      fromArray(new Float32Array(classes), [classes]),
    ]);
    this.#weight.requiresGrad = true;
    this.#bias.requiresGrad = true;
    this.#latest = new Float64Array(classes * width + classes);
  }

  /** The head for features as they are: it standardises them itself. */
  async at(decay: number): Promise<Head> {
    const { yieldPoint } = this.#options;
    const found: Minimum = await minimize((point) => this.#slopeAt(point, decay), this.#latest, { tolerance: TOLERANCE, most: MOST_ITERATIONS, yieldPoint });
    this.#latest = found.at;
    return folded(this.#headAt(found.at), this.#scaling);
  }

  release(): void {
    for (const tensor of [this.#features, this.#labels, this.#weight, this.#bias]) tensor.release();
  }

  #headAt(point: Float64Array): Head {
    const split = this.#weight.size;
    return { weight: Float32Array.from(point.subarray(0, split)), bias: Float32Array.from(point.subarray(split)) };
  }

  #slopeAt(point: Float64Array, decay: number): Slope {
    const { weight, bias } = this.#headAt(point);
    backend().write(this.#weight.handle, weight);
    backend().write(this.#bias.handle, bias);
    return scope(() => {
      const result = distillationLoss(linear(this.#features, this.#weight, this.#bias), { labels: this.#labels });
      backward(result.loss);
      const gradient = new Float64Array(point.length);
      gradient.set(this.#weight.grad!.toFloat32());
      gradient.set(this.#bias.grad!.toFloat32(), weight.length);
      let squares = 0;
      for (let i = 0; i < weight.length; i++) {
        squares += point[i]! ** 2;
        gradient[i]! += decay * point[i]!;
      }
      return { value: lossMetrics(result).loss + (decay / 2) * squares, gradient };
    });
  }
}

// ---- Standardised features --------------------------------------------------------------------------------------------------------

/** [D] each. */
interface Scaling {
  mean: Float64Array;
  /** 1 for a feature that is the same in all images. */
  deviation: Float64Array;
}

/** Of features [N,D]. */
function scalingOf(values: Float32Array, width: number): Scaling {
  const count = values.length / width;
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let at = 0; at < values.length; at += width) for (let d = 0; d < width; d++) mean[d]! += values[at + d]!;
  for (let d = 0; d < width; d++) mean[d]! /= count;
  for (let at = 0; at < values.length; at += width) for (let d = 0; d < width; d++) deviation[d]! += (values[at + d]! - mean[d]!) ** 2;
  for (let d = 0; d < width; d++) deviation[d] = Math.sqrt(deviation[d]! / count) || 1;
  return { mean, deviation };
}

/** [N,D] */
function standardized(values: Float32Array, { mean, deviation }: Scaling): Float32Array {
  const width = mean.length;
  const scaled = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += width) for (let d = 0; d < width; d++) scaled[at + d] = (values[at + d]! - mean[d]!) / deviation[d]!;
  return scaled;
}

/** The head that gives features the logits which the given one gives them standardised. */
function folded({ weight, bias }: Head, { mean, deviation }: Scaling): Head {
  const width = mean.length;
  const own = Float64Array.from(weight, (value, at) => value / deviation[at % width]!);
  const shifts = Float64Array.from(bias);
  for (const [at, value] of own.entries()) shifts[Math.floor(at / width)]! -= value * mean[at % width]!;
  return { weight: Float32Array.from(own), bias: Float32Array.from(shifts) };
}

// ---- Answers ----------------------------------------------------------------------------------------------------------------------

/** Logits [N,K], as a model with this head has them. */
export function logitsOf({ weight, bias }: Head, { values, labels, width }: LabelledFeatures): Float32Array {
  const classes = bias.length;
  return scope(() =>
    noGrad(() => linear(fromArray(values, [labels.length, width]), fromArray(weight, [classes, width]), fromArray(bias, [classes])).toFloat32()),
  );
}

/** What softmax(logits / temperature) says of each image; logits [N,K]. */
export function judged(logits: Float32Array, labels: Int32Array, classes: number, temperature = 1) {
  return Array.from(labels, (label, n) => judge(label, softmax([...logits.subarray(n * classes, (n + 1) * classes)], temperature)));
}

/** Share of the images whose largest logit is the label's. */
export const accuracyOf = (logits: Float32Array, labels: Int32Array, classes: number) => topK(judged(logits, labels, classes), 1);

/** Expected calibration error of softmax(logits / temperature). */
export const calibrationOf = (logits: Float32Array, labels: Int32Array, classes: number, temperature: number) =>
  calibration(judged(logits, labels, classes, temperature));

/** Cross-entropy of softmax(logits / temperature), mean over the images, in nats; logits [N,K]. */
export function crossEntropy(logits: Float32Array, labels: Int32Array, classes: number, temperature = 1): number {
  return meanOf(labels, (label, n) => {
    const { highest, sum } = exponentialsOf(logits, n, classes, temperature);
    return Math.log(sum) - (logits[n * classes + label]! - highest) / temperature;
  });
}

/** The lowest and the highest that are fitted. */
export const TEMPERATURES: readonly [low: number, high: number] = [0.05, 20];

/**
 * The temperature at which the cross-entropy of softmax(logits / temperature) is lowest (Guo et al. 2017, "On Calibration of Modern Neural Networks"),
 * or that of TEMPERATURES beyond which it is. It is convex in the inverse temperature, so bisection finds where its slope is 0.
 */
export function fitTemperature(logits: Float32Array, labels: Int32Array, classes: number): number {
  const [lowest, highest] = TEMPERATURES;
  if (slopeInInverse(logits, labels, classes, lowest) <= 0) return lowest;
  if (slopeInInverse(logits, labels, classes, highest) >= 0) return highest;
  let [low, high] = [Math.log(lowest), Math.log(highest)];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    // Where answers are too unsure, the loss falls with the inverse temperature.
    if (slopeInInverse(logits, labels, classes, Math.exp(middle)) < 0) high = middle;
    else low = middle;
  }
  return Math.exp((low + high) / 2);
}

/** Derivative of the cross-entropy by the inverse temperature: the expected logit less the label's, mean over the images. */
function slopeInInverse(logits: Float32Array, labels: Int32Array, classes: number, temperature: number): number {
  return meanOf(labels, (label, n) => {
    const { highest, sum } = exponentialsOf(logits, n, classes, temperature);
    let expected = 0;
    for (let k = 0; k < classes; k++) {
      const logit = logits[n * classes + k]!;
      expected += (logit * Math.exp((logit - highest) / temperature)) / sum;
    }
    return expected - logits[n * classes + label]!;
  });
}

/** The highest logit of a row, and the sum of exp((logit - highest) / temperature) over it. */
function exponentialsOf(logits: Float32Array, n: number, classes: number, temperature: number): { highest: number; sum: number } {
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = n * classes; at < (n + 1) * classes; at++) highest = Math.max(highest, logits[at]!);
  let sum = 0;
  for (let at = n * classes; at < (n + 1) * classes; at++) sum += Math.exp((logits[at]! - highest) / temperature);
  return { highest, sum };
}

function meanOf(labels: Int32Array, value: (label: number, n: number) => number): number {
  return labels.reduce((sum, label, n) => sum + value(label, n), 0) / labels.length;
}
