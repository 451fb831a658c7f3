/** Trains a network on from where it is, or the last part of it, on labels alone. */

import type { FINE_TUNED } from "../contract/fine-tuning";
import type { Progress } from "../contract/notices";
import { parseRecipe } from "../contract/parse-recipe";
import type { DataSource, ResolvedRecipe } from "../contract/recipe";
import type { Dataset } from "../data/dataset";
import { lastWeightsOf } from "../models/registry";
import { BATCH, imagesAtOnce } from "./images-at-once";
import { train } from "./loop";
import type { Network } from "./network";
import { Trainer } from "./trainer";

export interface FineTuneSettings {
  /** Whose weights are trained: the last stage's and the heads', or all. */
  stages: (typeof FINE_TUNED)[number];
  epochs: number;
  /** The highest; it falls to 0 along a cosine. */
  learningRate: number;
  seed: number;
}

export interface FineTuneHooks {
  /** Awaited before each batch. */
  yieldPoint(): Promise<void>;
  onProgress(progress: Progress): void;
}

/** What is trained by: AdamW, the images as they are and mirrored. A batch of large images is computed in parts, between which it can be stopped. */
export function fineTuningRecipe({ model }: Network, data: DataSource, { epochs, learningRate, seed }: FineTuneSettings): ResolvedRecipe {
  const batchSize = imagesAtOnce(model.imageSize);
  const recipe = parseRecipe({
    data,
    student: { model: model.name, imageSize: model.imageSize, ...(model.sizes.patchSize !== null && { patchSize: model.sizes.patchSize }) },
    train: {
      epochs,
      learningRate,
      seed,
      batchSize,
      accumulate: BATCH / batchSize,
      schedule: "cosine-step",
      decay: "matrices",
      precision: "fp32",
      evaluateEvery: epochs,
    },
    augment: { flip: true },
  });
  return { ...recipe, train: { ...recipe.train, precision: "fp32" } };
}

/**
 * Trains the network on the training images of the data; its own test images are measured at the end. Batch norms use their running averages, which stay as
 * they are: those of few images would be worse than those of the many that a backbone has seen. Their weights are trained as the others. Throws Diverged if
 * the loss is no longer finite. Releases the network if it throws anything; otherwise call `release`, which does so too.
 */
export async function fineTune(network: Network, data: Dataset, source: DataSource, settings: FineTuneSettings, hooks: FineTuneHooks): Promise<FineTuned> {
  const { model } = network;
  model.eval().requiresGrad(false);
  const trained = settings.stages === "all" ? [...model.parameters().keys()] : lastWeightsOf(model);
  for (const [name, parameter] of model.parameters()) parameter.requiresGrad = trained.includes(name);
  const trainer = new Trainer({ arm: "single", recipe: fineTuningRecipe(network, source, settings), data, student: network, teacher: null });
  try {
    await train([trainer], {
      yieldPoint: hooks.yieldPoint,
      onBatch: (_, __, progress) => hooks.onProgress(progress),
      onTest: () => {},
      onEpoch: () => {},
    });
  } catch (error) {
    trainer.release();
    throw error;
  }
  const parameters = [...model.parameters().values()].reduce((sum, { requiresGrad, size }) => sum + (requiresGrad ? size : 0), 0);
  model.requiresGrad(false);
  return { network, parameters, release: () => trainer.release() };
}

export interface FineTuned {
  network: Network;
  /** Number of trained values. */
  parameters: number;
  release(): void;
}
