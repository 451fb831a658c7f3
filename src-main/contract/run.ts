/** The content of a run folder, as types. `src-main/runs` writes and reads the files. */
import type { Arithmetic } from "./arithmetic";
import type { ArmName, ComparedArm } from "./arms";
import type { RunNormalization } from "./normalization";
import type { Precision, Recipe, ResolvedRecipe } from "./recipe";
import type { Sample } from "./search-space";
import type { SeenImages } from "./seen";
import type { Interval } from "./statistics";

/** A line of batches.csv. */
export interface BatchRecord {
  /** From 1. */
  epoch: number;
  /** Batch within the epoch, from 1. */
  iter: number;
  /** The weighted sum that was minimised. */
  loss: number;
  /** Its parts by name, unweighted: "ce" (cross-entropy with the labels), "kd" and others as `objectives.ts` names them. */
  parts: Readonly<Record<string, number>>;
  /** Over the epoch so far, 0 ... 1. */
  trainAcc: number;
  lr: number;
  imagesPerSecond: number;
  /**
   * Evidence: a hash of everything that the arm was shown up to and including this batch (evidence.jsonl). Equal links in two arms show that
   * they have seen the same pixels and targets so far. Null in runs of earlier versions, which have none.
   */
  chain: string | null;
}

/** batches.csv by columns, each with a value per batch, rounded to 32 bits: what charts take. */
export interface BatchColumns {
  batches: number;
  /** Batches of the first epoch; 0 before its first. */
  perEpoch: number;
  loss: Float32Array;
  trainAcc: Float32Array;
  lr: Float32Array;
  imagesPerSecond: Float32Array;
  /** By name, as in `BatchRecord`. */
  parts: Record<string, Float32Array>;
}

/** What evidence.jsonl proves of a run. */
export interface RunEvidence {
  arm: ArmName;
  /** The link of each batch, from the first; all null if the evidence is damaged. */
  chain: (string | null)[];
  /** As in `RunDetails.evidenceDamage`. */
  damage: string | null;
}

/**
 * A line of evidence.jsonl: what the arm was shown in one batch. `chain` is the SHA-256 over the link before it and the other fields but
 * `batch` and `teacher`, so that equal links show that all batches so far were equal.
 */
export interface BatchEvidence {
  /** From 1, over all epochs. */
  batch: number;
  chain: string;
  /** Hash of the plan: indices, views and mixing. */
  plan: string;
  /** Checksums of the student's rendered pixels and of its targets; null in batches for which the backend takes none. */
  pixels: string | null;
  targets: string | null;
  /** Checksum of the pixels that the teacher was shown; null if it was not asked, as when its answers were in the cache. */
  teacher: string | null;
}

/** A line of epochs.csv. Test figures are null in epochs that were not tested. */
export interface EpochRecord {
  epoch: number;
  trainLoss: number;
  /** Measured on the batches during training, 0 ... 1. */
  trainAcc: number;
  testAcc: number | null;
  testLoss: number | null;
  /** Of the average of the weights over the steps, in the same epochs; null without `train.ema`. */
  emaAcc: number | null;
  emaLoss: number | null;
  seconds: number;
  /** On the validation images, in the same epochs; null without any. */
  valAcc: number | null;
  valLoss: number | null;
}

export interface RunHashes {
  data: string;
  /** Of the student's weights before the first step. */
  initialWeights: string;
  /** The last link of the chain of evidence: over every batch so far. */
  batches: string;
  teacher: string | null;
}

export type RunState = "running" | "paused" | "stopped" | "finished" | "failed";

/** The process that trains a run. */
export interface RunOwner {
  pid: number;
  /** The computer's name; null if it is this one. */
  host: string | null;
  program: "app" | "command line" | "server";
  /** ISO 8601 */
  since: string;
  /** ISO 8601: when it last said that it is alive, every few seconds. */
  lastSign: string;
}

/** A run, comparison or sweep that has not ended. */
export interface LiveRun {
  /** Identifies it in calls. */
  run: string;
  directory: string;
  kind: "train" | "compare" | "search";
  seeds: number;
  recipe: Recipe;
  state: RunState | "stopping";
  /** null if this engine trains it. */
  owner: RunOwner | null;
}

export interface RunSummary {
  directory: string;
  /** Of this run alone, wherever its folder goes; missing in runs of earlier versions. */
  id?: string;
  name: string;
  arm: ArmName;
  state: RunState;
  /** ISO 8601 */
  started: string;
  /** ISO 8601: when it last wrote an event. */
  changed: string;
  epochsDone: number;
  /** 0 if its recipe cannot be read. */
  epochs: number;
  testAcc: number | null;
  trainAcc: number | null;
  /** That its epochs took. */
  seconds: number;
  /** Who trains it now; null if nobody does. */
  owner: RunOwner | null;
  /** Whether it ended before its first checkpoint, so that resuming begins anew. */
  beginsAnew: boolean;
  /** What is wrong with its files, in words: they cannot be read, or say something else than the checkpoint. Null if nothing is. */
  damage: string | null;
  /** Null if it cannot be read. */
  recipe: ResolvedRecipe | null;
}

/** A run in a list of runs. */
export interface ListedRun extends RunSummary {
  /** The sweep to which its comparison belongs, with the seeds that it was asked for; null if it belongs to none, or if nothing tells. */
  sweep: ({ directory: string } & SeedsAsked) | null;
}

/** So many seeds, from the first on. */
export interface SeedsAsked {
  first: number;
  seeds: number;
}

export interface RunDetails extends RunSummary {
  recipe: ResolvedRecipe;
  /** Missing in runs of earlier versions. */
  arithmetic?: Arithmetic;
  hashes: RunHashes;
  classes: string[];
  parameters: number;
  /** Missing in runs of earlier versions. */
  normalization?: RunNormalization;
  batches: BatchRecord[];
  /** Why the evidence of this run proves nothing, in words: it, or the rest of the run, was changed, or parts are missing. Null if it is whole, or of an earlier version. */
  evidenceDamage: string | null;
  epochRecords: EpochRecord[];
  teacherTestAcc: number | null;
  /** What each teacher had seen of the images before; null where its weights do not say. Missing in runs of earlier versions. */
  seen?: (SeenImages | null)[];
  events: { time: string; type: string; text?: string }[];
}

/** What a run folder holds, as charts take it. Its evidence, which takes longer to check, is read apart. */
export interface RunCourse extends Omit<RunDetails, "batches" | "evidenceDamage"> {
  columns: BatchColumns;
}

export interface TrainResult {
  directory: string;
  arm: ArmName;
  epochs: number;
  trainAcc: number;
  testAcc: number;
  testLoss: number;
  /** Of the averaged weights in student-ema.safetensors; null without `train.ema`. */
  emaAcc: number | null;
  seconds: number;
  imagesPerSecond: number;
  hashes: RunHashes;
  /** The epoch with the highest accuracy on the validation images, the first among equals; null without such images. */
  best: BestEpoch | null;
}

/** Its weights are in student-best.safetensors. */
export interface BestEpoch {
  epoch: number;
  valAcc: number;
  testAcc: number;
}

/** What an arm's answers to the test images say besides its accuracy; null where no predictions are kept. */
export interface AnswerFigures {
  /** Share of the test images for which arm and teacher name the same class. */
  agreement: number | null;
  /** KL(teacher || arm) in nats, mean over the test images. */
  divergence: number | null;
  /** Expected calibration error, 0 ... 1 (Guo et al. 2017). */
  calibrationError: number | null;
}

export interface ArmFigures extends AnswerFigures {
  trainAcc: number;
  testAcc: number;
}

/** How much better one arm is than another, with one seed. */
export interface SeedDifference {
  /** Of their test accuracies. */
  difference: number;
  /** Over test images (95 %); null where no predictions are kept. */
  interval: Interval | null;
}

/** What the arm `same-images` shows: how the difference of student and control is made up. */
export interface GainParts<Difference> {
  /** same-images - control: the same images, with and without the teacher. */
  teacherAdds: Difference;
  /** student - same-images: the same teacher, with and without the images that have no label. */
  imagesAdd: Difference;
}

/** What test accuracies are measured by. */
export interface Yardstick {
  /** Share of the test images that always naming the largest class would get right. */
  oneAnswer: number;
  /** Share that the teacher gets right; null where its answers are not kept. */
  teacher: number | null;
}

/** The comparison of one seed in figures. Its own difference is student - control. */
export interface Compared extends SeedDifference {
  seed: number;
  control: ArmFigures;
  student: ArmFigures;
  /** null in a comparison of two arms. */
  sameImages: (ArmFigures & GainParts<SeedDifference>) | null;
  /** That training all its arms took; the teacher's preparation is not counted. */
  seconds: number;
  /** Number of test images whose predictions are kept; null if none are. */
  testImages: number | null;
  /** null where no predictions are kept. */
  yardstick: Yardstick | null;
}

/** Means over the seeds, with the standard deviation of the test accuracy; null for one seed. */
export interface ArmSummary extends ArmFigures {
  deviation: number | null;
}

/** How much better one arm is than another, in fractions: means over the seeds. */
export interface DifferenceSummary {
  /** Of their test accuracies. */
  difference: number;
  /** Those of the single seeds, in their order. */
  differences: number[];
  /** Standard deviation of the differences; null for one seed. */
  deviation: number | null;
  /** Where the difference lies with 95 % confidence; null if that is not known. */
  interval: Interval | null;
  /** seeds: Student's t of the paired differences. test images: paired bootstrap, for one seed. */
  intervalOver: "seeds" | "test images" | null;
  /** About how many more seeds would be needed to show a difference, if it is as large as the mean; null if one is shown, for one seed, and if no number would. */
  moreSeeds: number | null;
}

export interface SameImagesSummary extends ArmSummary, GainParts<DifferenceSummary> {}

/** Comparisons of one seed or several in figures. Its own difference is student - control. */
export interface ComparisonSummary extends DifferenceSummary {
  seeds: number[];
  control: ArmSummary;
  student: ArmSummary;
  /** null unless each comparison has that arm. */
  sameImages: SameImagesSummary | null;
  testImages: number | null;
  /** Of the first seed. */
  yardstick: Yardstick | null;
  /** Of one seed, on average: what one more is about to take. */
  seconds: number;
}

/** What finished comparisons show, read from their folders. */
export interface ProvenSummary extends ComparisonSummary {
  /** Whether each comparison is. */
  controlled: boolean;
}

/** How one arm of a sweep went with one of its seeds. */
export interface SeedCourse {
  seed: number;
  arm: ComparedArm;
  /** Of the run. */
  directory: string;
  /** Those that were tested. `emaAcc`: of the averaged weights, if there are such. */
  epochs: { epoch: number; testAcc: number; emaAcc?: number }[];
}

/** The comparisons of a sweep, in the order of their seeds, and their means. */
export interface SweepResult extends ProvenSummary {
  directory: string;
  teacher: TestedTeacher;
  tunedSeparately: boolean;
  sameImages: (SameImagesSummary & { teacherAdds: { controlled: boolean } }) | null;
  comparisons: ComparisonResult[];
  /** Path of the HTML report. */
  report: string;
}

/** A sweep over numbers of labelled images: at each, what the comparisons of its seeds show. */
export interface LabelsResult {
  directory: string;
  teacher: TestedTeacher;
  /** By their number, ascending. */
  labels: (SweepResult & { labelled: number })[];
  /** Path of the HTML report. */
  report: string;
}

/** What is asked of a search. */
export interface SearchRequest {
  trials: number;
  /** Batches of each trial; null: all that the recipe's epochs have. */
  batches: number | null;
  /** What is varied, as `parseSpace` reads it. */
  over: readonly string[];
}

/** What one trial of a search came to. */
export interface TrialResult {
  /** From 1. */
  trial: number;
  directory: string;
  /** What it set, by key. */
  settings: Sample;
  /** Accuracy and loss on the validation images after its last batch; null if it diverged: its loss was no longer a finite number. */
  valAcc: number | null;
  valLoss: number | null;
}

export interface SearchResult {
  directory: string;
  asked: SearchRequest;
  /** Validation images that the trials are judged on. */
  images: number;
  trials: TrialResult[];
  /** The trial with the highest accuracy on the validation images, the only one whose accuracy on the test images is told; null if all diverged. */
  best: (TrialResult & { testAcc: number | null }) | null;
  /** Path of best-recipe.json: the recipe of the search with the best settings; null if all diverged. */
  bestRecipe: string | null;
  /** Path of the HTML report. */
  report: string;
}

export type RunResult = TrainResult | ComparisonResult | SweepResult | LabelsResult | TrialResult | SearchResult;

/** The first teacher; `seen`: of each, as in `RunDetails`. */
export interface TestedTeacher {
  model: string;
  /** In which it was tested, as its student is taught by it. */
  precision: Precision;
  testAcc: number;
  seen: (SeenImages | null)[];
}

export interface ComparisonResult extends ComparisonSummary, Verdict {
  directory: string;
  seed: number;
  teacher: TestedTeacher;
  control: TrainResult & ArmSummary;
  student: TrainResult & ArmSummary;
  sameImages: (TrainResult & SameImagesSummary & { teacherAdds: Verdict }) | null;
  /** Path of the HTML report. */
  report: string;
}

/** What the evidence of two arms has proven: of the control, and of one that has a teacher. */
export interface Verdict {
  /** Proven to differ only in the teacher: same initial weights, same pixels and targets in every batch, same settings. */
  controlled: boolean;
  /** Why it is not controlled, in words; null if it is. */
  reason: string | null;
  /** Whether the control has settings of its own, so that the difference is not due to the teacher alone. */
  tunedSeparately: boolean;
  /** Whether the student also learned from images without labels, which a control cannot use: they differ in their images by design. */
  differentImages: boolean;
  /** Keys of settings besides teacher and distillation in which the arms differ. */
  differingSettings: string[];
  /** Batches up to which both arms are proven to have seen the same. */
  provenTo: number;
}
