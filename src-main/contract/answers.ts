/** What networks answer, and how good that is. */
import type { ClassFigures, ReliabilityBin } from "./classification";
import type { LeftOutFile } from "./data-info";
import type { SeenTestImages } from "./seen";

export interface PredictResult {
  model: string;
  classes: string[];
  images: {
    path: string;
    logits: number[];
    /** softmax(logits / temperature) */
    probabilities: number[];
    /** PNG of the resized, cropped image, before normalisation. */
    input?: Uint8Array;
  }[];
  /** Those that cannot be read, and why, in words. */
  unreadable: { path: string; reason: string }[];
}

export interface EvaluateResult {
  images: number;
  /** Which folder they lie in, and how they were drawn from one without a split; null for images that have no labels. */
  tested: { path: string; drawn: { testShare: number; splitSeed: number } | null } | null;
  classes: string[];
  models: ModelAnswers[];
  /** Each two of the models, but no two arms of different comparisons. */
  pairs: ModelPair[];
  /** Of images without labels, image by image, with an answer of each model; null for labelled images. */
  predictions: { image: string; answers: { predicted: string; confidence: number }[] }[] | null;
  leftOut: LeftOutFile[];
}

export interface ModelAnswers {
  /** Under which it is shown: that of the model, or of the arm of a run. */
  name: string;
  model: string;
  weights: string;
  imagesPerSecond: number;
  /** null for images without labels. */
  scores: ModelScores | null;
  /** Of the test images, those that it has learned from; null where its weights do not say, and for images without labels. */
  seen: SeenTestImages | null;
}

export interface ModelScores {
  /** Share of images whose most likely class is the true one; of images whose true class is among the five most likely. */
  accuracy: number;
  top5: number;
  /** Cross-entropy, mean over the images. */
  loss: number;
  /** `accuracy` is the recall, 0 for a class without images. */
  perClass: (ClassFigures & { name: string; accuracy: number })[];
  /** [K][K] counts: rows are true classes, columns predicted ones. */
  confusion: number[][];
  /** Expected calibration error, and its bins. */
  calibrationError: number;
  reliability: ReliabilityBin[];
  /** The most confident wrong answers. `image`: its place among the test images, or its path in the data's folder. */
  mistakes: { image: string; class: string; predicted: string; confidence: number }[];
}

export interface ModelPair {
  first: string;
  second: string;
  /** Share of images to which both give the same answer. */
  agreement: number;
  /** Images that only the first has right, and only the second; null without labels. */
  onlyRight: [number, number] | null;
  /** Exact test of McNemar: how likely so unequal numbers are by chance. */
  mcNemar: number | null;
}
