/** Teachers that are at hand, and those that are made for a folder of images. */
import type { ModelScores } from "./answers";
import type { LeftOutFile } from "./data-info";
import type { FINE_TUNED } from "./fine-tuning";
import type { DataSource } from "./recipe";

/** What makes a network the teacher of a recipe. */
export interface NamedTeacher {
  model: string;
  /** Absolute: recipes may lie anywhere. */
  weights: string;
  imageSize: number;
}

/** A network that is at hand. */
export interface KnownTeacher extends NamedTeacher {
  /** made: by `fitTeacher`; trained: by a run; used: as the teacher of one. */
  kind: "bundled" | "made" | "trained" | "used";
  name: string;
  /** When its file was written, as an ISO date; null if it came with the program. */
  made: string | null;
}

/** Cross-entropy, and the expected calibration error. */
export interface Calibrated {
  loss: number;
  calibrationError: number;
}

export interface FittedTeacher {
  directory: string;
  teacher: NamedTeacher;
  classes: string[];
  /** What it was made of, and how that was divided into training, validation and test images. */
  source: DataSource;
  /** Weights as they were asked for; hash: SHA-256 of them, without the head's. features: how many the head takes. */
  backbone: { weights: string; hash: string; features: number };
  /** Training images, the held back ones among them, that the head was fitted to, and whether mirrored as well. */
  images: { train: number; validation: number; test: number; mirrored: boolean };
  /** Whether the validation images are training images that were held back to choose by, and to which the head was fitted in the end. */
  heldBack: boolean;
  decay: number;
  /** All decays that were tried, on the validation images; empty where there are too few images for any. */
  trials: { decay: number; accuracy: number; loss: number }[];
  /** By which logits are divided for probabilities that say how sure the teacher is; fitted to the validation images, and null where they are too few, or none is best. */
  temperature: number | null;
  /** On the validation images, of a head that was not fitted to them; null without any. */
  validation: Candidate["validation"] | null;
  /** On the test images, which chose nothing; calibrated: at the temperature. */
  test: ModelScores & { calibrated: Calibrated | null };
  /** null: the last layer alone was fitted. */
  fineTuning: FineTuning | null;
  /** Images in views whose features were computed now, and that an earlier start had kept. */
  features: { computed: number; known: number };
  /** Reading the images and computing their features; fitting the last layer; all of it. */
  seconds: { features: number; fit: number; total: number };
  leftOut: LeftOutFile[];
  /** What makes its figures worth less, as it was said while it was made. */
  warnings: string[];
  /** Path of the page. */
  report: string;
  /** Path of a recipe: a first comparison with this teacher, on these data. */
  recipe: string;
}

/** A network that was trained on from its fitted last layer, beside that with the last layer alone. */
export interface FineTuning {
  stages: (typeof FINE_TUNED)[number];
  epochs: number;
  learningRate: number;
  /** Number of trained values. */
  parameters: number;
  /** Whether it is the teacher. */
  kept: boolean;
  /**
   * Why it is, or is not: by its loss on the validation images, at the temperatures if both have one; where these are few, by whether they show beyond chance that it is
   * better (McNemar's exact test); or it was not trained to the end. Neither network has learned from these images.
   */
  decision: "lower loss" | "not lower loss" | "beyond chance" | "within chance" | "diverged" | "undecidable";
  /** Number of validation images that only this one of the two networks classifies correctly; null where there are no two. */
  discordant: { lastLayer: number; fineTuned: number } | null;
  lastLayer: Candidate;
  /** null: its loss diverged, or it was not begun. */
  fineTuned: Candidate | null;
  seconds: number;
}

/** What might be the teacher. */
export interface Candidate {
  temperature: number | null;
  /** calibrated: at the temperature; null without one. */
  validation: { accuracy: number; calibrated: Calibrated | null } & Calibrated;
  testAccuracy: number;
}
