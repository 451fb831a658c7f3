/** What a run folder holds, as types. The files themselves are written and read by `src-main/runs`. */
import type { Recipe } from "./recipe";

/** single: a run of `train`; control and student: the two arms of a comparison. */
export type ArmName = "single" | "control" | "student";

/** A line of batches.csv. */
export interface BatchRecord {
  /** From 1. */
  epoch: number;
  /** Batch within the epoch, from 1. */
  iter: number;
  loss: number;
  ceLoss: number;
  /** T^2 KL(teacher || student), mean over the batch; 0 without a teacher. */
  kdLoss: number;
  /** Running over the epoch so far, 0 ... 1. */
  trainAcc: number;
  lr: number;
  imagesPerSecond: number;
}

/** A line of epochs.csv. Test figures are null in epochs that were not evaluated. */
export interface EpochRecord {
  epoch: number;
  trainLoss: number;
  /** Of the batches as they were trained on, 0 ... 1. */
  trainAcc: number;
  testAcc: number | null;
  testLoss: number | null;
  seconds: number;
}

export interface RunHashes {
  data: string;
  /** Of the student's weights before the first step. */
  initialWeights: string;
  /** Over every batch fed so far: pixels after augmentation and labels, in order. Equal in both arms of a controlled comparison. */
  batches: string;
  teacher: string | null;
}

export type RunState = "running" | "paused" | "stopped" | "finished" | "failed";

export interface RunSummary {
  directory: string;
  name: string;
  arm: ArmName;
  state: RunState;
  /** ISO 8601 */
  started: string;
  epochsDone: number;
  epochs: number;
  testAcc: number | null;
  trainAcc: number | null;
}

export interface RunDetails extends RunSummary {
  recipe: Recipe;
  hashes: RunHashes;
  classes: string[];
  parameters: number;
  batches: BatchRecord[];
  epochRecords: EpochRecord[];
  teacherTestAcc: number | null;
  events: { time: string; type: string; text?: string }[];
}

export interface TrainResult {
  directory: string;
  arm: ArmName;
  epochs: number;
  trainAcc: number;
  testAcc: number;
  testLoss: number;
  seconds: number;
  imagesPerSecond: number;
  hashes: RunHashes;
}

export interface ComparisonResult {
  directory: string;
  seed: number;
  teacher: { model: string; testAcc: number };
  control: TrainResult;
  student: TrainResult;
  /** student.testAcc - control.testAcc */
  difference: number;
  /** Same initial weights and same batches, shown by equal hashes. */
  controlled: boolean;
  /** Path of the HTML report. */
  report: string;
}
