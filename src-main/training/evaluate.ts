import { mostLikely } from "../contract/classification";
import type { Precision } from "../contract/recipe";
import { softmax } from "../contract/softmax";
import { labelsOf, need, render } from "../data/batches";
import type { Split } from "../data/dataset";
import { distillationLoss, lossMetrics } from "../tensor/ops/distillation-loss";
import { noGrad, scope } from "../tensor/tensor";
import { type Network, renderingFor } from "./network";

export interface Evaluation {
  /** Share of images whose largest logit (the first among equals) is the label, 0 ... 1. */
  accuracy: number;
  /** Cross-entropy, mean over all images. */
  loss: number;
  /** Computing time, without whatever ran in between. */
  seconds: number;
  /** [N,K], on request; null if they are more than `MOST_PROBABILITIES`. */
  probabilities: Float64Array | null;
}

/** 40 MB in memory, and about 60 MB as a file: those of 50,000 images among 100 classes, or of 5,000 among 1,000. */
export const MOST_PROBABILITIES = 5_000_000;

export interface EvaluateOptions {
  precision: Precision;
  batchSize: number;
  /** Keep the probabilities of all images. */
  keep?: boolean;
  /** Told the logits [N,K] of each batch of images. */
  onLogits?(indices: Int32Array, logits: Float32Array): void;
  /** Told the probabilities [N,K] of each batch of images. */
  onAnswers?(indices: Int32Array, probabilities: Float64Array): void;
  /** Awaited before each batch. */
  yieldPoint(): Promise<void>;
  onBatch?(seconds: number): void;
}

/** Evaluates a network on all images of a split, in stored order and without augmentation. */
export async function evaluate(network: Network, split: Split, options: EvaluateOptions): Promise<Evaluation> {
  const { batchSize, precision, keep = false, yieldPoint, onLogits, onAnswers, onBatch } = options;
  const { classes } = network.model;
  const probabilities = keep && isKeepable(split, classes) ? new Float64Array(split.count * classes) : null;
  let correct = 0;
  let lossSum = 0;
  let seconds = 0;

  for (let first = 0; first < split.count; first += batchSize) {
    await yieldPoint();
    const started = performance.now();
    const indices = range(first, Math.min(first + batchSize, split.count));
    await need(split, indices, range(first + indices.length, Math.min(first + indices.length + batchSize, split.count)));
    const { logits, loss } = testBatch(network, split, indices, precision);
    for (const [n, index] of indices.entries()) if (mostLikely(logits.subarray(n * classes, (n + 1) * classes)) === split.labels[index]) correct++;
    lossSum += loss * indices.length;
    const elapsed = (performance.now() - started) / 1000;
    seconds += elapsed;
    onLogits?.(indices, logits);
    if (probabilities || onAnswers) {
      const answers = softmaxOfRows(logits, classes);
      probabilities?.set(answers, first * classes);
      onAnswers?.(indices, answers);
    }
    onBatch?.(elapsed);
  }

  return { accuracy: correct / split.count, loss: lossSum / split.count, seconds, probabilities };
}

/** [N,K], of all images of a split, without augmentation. */
export async function logitsOn(
  network: Network,
  split: Split,
  options: Pick<EvaluateOptions, "precision" | "batchSize" | "yieldPoint">,
): Promise<Float32Array> {
  const { classes } = network.model;
  const all = new Float32Array(split.count * classes);
  await evaluate(network, split, { ...options, onLogits: (indices, logits) => all.set(logits, indices[0]! * classes) });
  return all;
}

/** Whether the probabilities of all images of a split are few enough to be kept. */
export const isKeepable = ({ count }: Pick<Split, "count">, classes: number): boolean => count * classes <= MOST_PROBABILITIES;

/** Class probabilities [N,K] of some images of a split, without augmentation. */
export async function probabilitiesOf(network: Network, split: Split, indices: Int32Array, precision: Precision): Promise<Float64Array> {
  await need(split, indices);
  return softmaxOfRows(testBatch(network, split, indices, precision).logits, network.model.classes);
}

/** Logits [N,K], and the mean cross-entropy. Restores the model's mode afterwards. */
function testBatch(network: Network, split: Split, indices: Int32Array, precision: Precision): { logits: Float32Array; loss: number } {
  const { model } = network;
  const { training } = model;
  model.eval();
  try {
    return scope(() =>
      noGrad(() => {
        const images = render(split, { indices, views: null }, renderingFor(network, precision));
        const logits = model.forward(images);
        const { loss } = lossMetrics(distillationLoss(logits, { labels: labelsOf(split, indices) }));
        return { logits: logits.toFloat32(), loss };
      }),
    );
  } finally {
    if (training) model.train();
  }
}

function range(first: number, end: number): Int32Array {
  return Int32Array.from({ length: end - first }, (_, i) => first + i);
}

/** [N,K] */
function softmaxOfRows(logits: Float32Array, classes: number): Float64Array {
  const probabilities = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) probabilities.set(softmax([...logits.subarray(at, at + classes)]), at);
  return probabilities;
}
