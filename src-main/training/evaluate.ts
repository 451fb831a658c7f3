import type { Precision } from "../contract/recipe";
import { labelsOf, render } from "../data/batches";
import type { Split } from "../data/dataset";
import { distillationLoss, lossMetrics } from "../tensor/ops/distillation-loss";
import { noGrad, scope } from "../tensor/tensor";
import { type Network, renderingFor } from "./network";

export interface Evaluation {
  /** Share of images whose largest logit (the first among equals) is the label, 0 ... 1. */
  accuracy: number;
  /** Cross-entropy, mean over all images. */
  loss: number;
  /** By class: number of images, and how many were classified correctly. */
  perClass: { count: number; correct: number }[];
  /** Computing time, without whatever ran in between. */
  seconds: number;
}

export interface EvaluateOptions {
  precision: Precision;
  batchSize: number;
  /** Awaited before each batch. */
  yieldPoint(): Promise<void>;
  onBatch?(seconds: number): void;
}

/** Evaluates a network on all images of a split, in stored order and without augmentation. */
export async function evaluate(network: Network, split: Split, { batchSize, precision, yieldPoint, onBatch }: EvaluateOptions): Promise<Evaluation> {
  const perClass = Array.from({ length: network.model.classes }, () => ({ count: 0, correct: 0 }));
  let lossSum = 0;
  let seconds = 0;

  for (let first = 0; first < split.count; first += batchSize) {
    await yieldPoint();
    const started = performance.now();
    const indices = range(first, Math.min(first + batchSize, split.count));
    const { predicted, loss } = testBatch(network, split, indices, precision);
    for (const [n, index] of indices.entries()) {
      const label = split.labels[index]!;
      perClass[label]!.count++;
      if (predicted[n] === label) perClass[label]!.correct++;
    }
    lossSum += loss * indices.length;
    const elapsed = (performance.now() - started) / 1000;
    seconds += elapsed;
    onBatch?.(elapsed);
  }

  const correct = perClass.reduce((sum, each) => sum + each.correct, 0);
  return { accuracy: correct / split.count, loss: lossSum / split.count, perClass, seconds };
}

/** Predicted class of each image, and the mean cross-entropy. Restores the model's mode afterwards. */
function testBatch(network: Network, split: Split, indices: Int32Array, precision: Precision): { predicted: number[]; loss: number } {
  const { model } = network;
  const { training } = model;
  model.eval();
  try {
    return scope(() =>
      noGrad(() => {
        const images = render(split, { indices, views: null }, renderingFor(network, precision));
        const logits = model.forward(images);
        const { loss } = lossMetrics(distillationLoss(logits, { labels: labelsOf(split, indices) }));
        return { predicted: largestOfRows(logits.toFloat32(), model.classes), loss };
      }),
    );
  } finally {
    if (training) model.train();
  }
}

function range(first: number, end: number): Int32Array {
  return Int32Array.from({ length: end - first }, (_, i) => first + i);
}

/** Column of the first largest value of each row. */
function largestOfRows(values: Float32Array, columns: number): number[] {
  return Array.from({ length: values.length / columns }, (_, row) => {
    const cells = values.subarray(row * columns, (row + 1) * columns);
    return cells.indexOf(Math.max(...cells));
  });
}
