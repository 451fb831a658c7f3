import type { DataFormat } from "./data-formats";

/** A run's full description. `settings.ts` holds each key's default, range and help; `parse-recipe.ts` checks and completes a file. */
export interface Recipe {
  version: 1;
  name: string;
  data: DataSource;
  /** Where soft labels come from; null: only controls can be trained. */
  teacher: TeacherChoice | null;
  student: StudentChoice;
  train: TrainSettings;
  /** null: the labels alone (a control). */
  distillation: Distillation | null;
  /** What the control of a comparison does differently; initial weights, batches and augmentation are always shared. */
  control: { train: Partial<TrainSettings> } | null;
  augment: Augment;
  device: "auto" | "cpu" | "cuda";
}

export interface DataSource {
  /** "bundled" or a folder. */
  path: string;
  format: DataFormat;
  /** Take only the first so many images; null: all. */
  trainLimit: number | null;
  testLimit: number | null;
}

export interface TeacherChoice {
  model: string;
  /** "bundled" or a safetensors file. */
  weights: string;
  imageSize: number;
}

export interface StudentChoice {
  model: string;
  imageSize: number;
  /** Side of a patch in pixels; used by vision transformers only, null: the model's own. */
  patchSize: number | null;
  /** null: fresh weights from the seed; a file: start from these, head included. */
  weights: string | null;
}

export interface TrainSettings {
  epochs: number;
  batchSize: number;
  optimizer: "adamw" | "sgd";
  learningRate: number;
  weightDecay: number;
  /** matrices: leave out biases, norms, positions and tokens, as timm does. */
  decay: "all" | "matrices";
  /** SGD only. */
  momentum: number;
  nesterov: boolean;
  /** cosine-epoch: annealed to 0, stepped once per epoch; cosine-step: per batch; constant. */
  schedule: "cosine-epoch" | "cosine-step" | "constant";
  /** Epochs of linear rise to the learning rate at the start (may be a fraction with cosine-step). */
  warmupEpochs: number;
  shuffle: boolean;
  precision: Precision;
  seed: number;
  /** Evaluate on the test images after every so many epochs, and always after the last. */
  evaluateEvery: number;
}

/** bf16: activations and the factors of products are rounded to 16 bits; sums, weights and the optimizer's state stay in 32 bits. */
export type Precision = "fp32" | "bf16";

export interface Distillation {
  kind: "soft";
  /** 0.05 ... 100 */
  temperature: number;
  /** Share of the soft-label term, 0 ... 1. */
  alpha: number;
  /** Ask the teacher once for each view of an image, and remember. Changes no bit. */
  cacheTeacher: boolean;
}

export interface Augment {
  /** Pixels of zero padding before a random crop back to size; 0: none. */
  crop: number;
  /** Random horizontal flip. */
  flip: boolean;
}
