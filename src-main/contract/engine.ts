/**
 * The conversation with the engine process. The client sends a `Call`; the engine answers each with exactly one `Answer` of the same
 * id, and meanwhile may send any number of `Notice`s. The first call is `hello`; versions must be equal. Everything on the wire is
 * plain JSON-like data (typed arrays allowed, never transferred).
 */

import type { Arithmetic, Bf16Products } from "./arithmetic";
import type { ArmName } from "./arms";
import type { ClassFigures, ReliabilityBin } from "./classification";
import type { Concern } from "./concerns";
import { dataFormatChoices, downloadNames, type StoredFormat } from "./data-formats";
import type { ExampleAnswers, RunExamples } from "./examples";
import type { Failure } from "./failure";
import type { ModelInfo } from "./families";
import { FINE_TUNED } from "./fine-tuning";
import type { DataSource, Precision, Recipe } from "./recipe";
import type { BatchRecord, EpochRecord, ListedRun, LiveRun, ProvenSummary, RunCourse, RunDetails, RunEvidence, RunResult, RunState, SeedCourse } from "./run";
import { LONGEST_NAME, LONGEST_NOTE, type RunAbout, type RunFolder } from "./run-folder";
import { MOST_TRIALS } from "./search";
import type { SeenTestImages } from "./seen";
import { MOST_SEEDS } from "./statistics";
import { MOST_THREADS } from "./threads";
import { z } from "./zod";

export type { Failure };

export const PROTOCOL = 2;

/** Of labelled images, in one sweep. */
const MOST_NUMBERS_OF_LABELS = 100;

export interface Call<M extends Method = Method> {
  id: number;
  method: M;
  params: Methods[M]["params"];
}
export type Answer = { id: number; ok: true; result: unknown } | { id: number; ok: false; error: Failure };

/** One end of the connection between a client and the engine, whatever carries it. */
export interface Channel<Sent, Received, End> {
  post(message: Sent): void;
  onMessage(listener: (message: Received) => void): void;
  /** Called once when the other end is gone; immediately if it already is. */
  onClose(listener: (end: End) => void): void;
}

/** Tensors of an exported file. */
export interface TensorCounts {
  /** To the precision that was asked for, or in it already. */
  converted: number;
  /** Those that are no floats of 16 bits or more, and stayed as they were: how many of each type, named as in the safetensors format ("I64"). */
  kept: Record<string, number>;
}

/** Why the engine is gone, in words, with the last lines of what it wrote to standard error. */
export interface EngineEnd {
  message: string;
  details: string;
}

/**
 * Who calls. page: the app's window, which shows what others made and may be taken over; terminal: the program that started the engine; peer:
 * another process of the same user, over the socket that a run's lock names.
 */
export type Audience = "page" | "terminal" | "peer";

const text = z.string().min(1);
const side = z.int().min(1).max(4096).optional();
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected a Uint8Array");
/** null or left out: what the weights say, otherwise their family's values, which the notice `warning` reports. */
const triple = z.tuple([z.number(), z.number(), z.number()]).nullish();
const format = z.enum(dataFormatChoices.map(({ value }) => value));
const downloadName = z.enum(downloadNames);
/** Settings of a recipe's data that choose among the images. */
const dataSettings = z
  .strictObject({
    trainLimit: z.int().min(1).nullable(),
    testShare: z.number().min(0.001).max(0.999),
    splitSeed: z.int().min(0).max(4_294_967_295),
    skipUnreadable: z.boolean(),
    skipCopies: z.boolean(),
    skipLeaks: z.boolean(),
    skipContradictions: z.boolean(),
    smallestSide: z.int().min(1).nullable(),
  })
  .partial();
export type DataSettings = z.infer<typeof dataSettings>;
export const dataSettingNames = Object.keys(dataSettings.shape) as (keyof DataSettings)[];
/** Those of a recipe's data. */
export function dataSettingsOf(data: DataSource): DataSettings {
  return Object.fromEntries(dataSettingNames.map((name) => [name, data[name]]));
}

/**
 * The engine's methods. `takes` is the schema that the engine checks the parameters of a call against, `gives` the type of its result. Page and
 * terminal may call all of them but those in `TERMINAL_ONLY`; a peer only those in `PEER`.
 */
export const methods = {
  hello: takes({ protocol: z.number() }).gives<{ protocol: number; version: string }>(),
  doctor: takes({}).gives<DoctorReport>(),
  models: takes({}).gives<ModelInfo[]>(),
  /** Counts, classes and, on request, some images per class as encoded PNGs; with `settings`, of what a recipe with these takes. */
  dataInfo: takes({ path: text, format, thumbnailsPerClass: z.int().min(0).max(100), settings: dataSettings.optional() }).gives<DataInfo>(),
  /** Downloads a data set to `directory`; resumable; sends `download` notices with its progress. */
  dataDownload: takes({ name: downloadName, directory: text }).gives<{ path: string }>(),
  /** The same from an address of the caller's choice. */
  dataDownloadFrom: takes({
    name: downloadName,
    directory: text,
    url: z.url({ protocol: /^https?$/, error: "expected an address that begins with http:// or https://" }),
  }).gives<{ path: string }>(),
  /** Ends the downloads of data sets of all clients, which fail with INTERRUPTED. What has arrived is kept for the next. */
  stopDownloads: takes({}).gives<null>(),

  /**
   * Starts a run in the folder `out`, or resumes the one there, and answers as soon as the folder is locked. The run belongs to this engine, and
   * ends with it. train: the one arm that the recipe describes. compare: the arms of its comparison (`armsOf`), alternating by epoch, each
   * in the folder of its name; with `seeds` more than 1, such a comparison for each of as many seeds from the recipe's own on, in out/seed-<s>. A run that is
   * resumed has as many seeds as it was asked for, if they are left out; given fewer, only the first of them are trained. With `labels`, such a sweep over
   * the seeds for each of these numbers of labelled images, in out/labels-<n>. search: the student alone with settings drawn at random, trial by trial, in
   * out/trial-<nnn>.
   */
  start: takes({
    kind: z.enum(["train", "compare", "search"]),
    /** `parseRecipe` checks its content. */
    recipe: z.custom<Recipe>((value) => typeof value === "object" && value !== null, "expected a recipe"),
    out: text,
    resume: z.boolean(),
    seeds: z.int().min(1).max(MOST_SEEDS).optional(),
    /** Numbers of labelled images (`data.labelled`); a run that is resumed has those that it was asked for, and may get more. */
    labels: z.array(z.int().min(1)).min(1).max(MOST_NUMBERS_OF_LABELS).optional(),
    /** What is left out is as the search that is resumed was asked for, or 20 trials of 50 batches over `defaultSpace`. */
    search: z
      .strictObject({
        trials: z.int().min(1).max(MOST_TRIALS).optional(),
        batches: z.int().min(1).nullable().optional(),
        over: z.array(z.string()).min(1).optional(),
      })
      .optional(),
    /** Instead of `seeds`, for the finished comparisons of a sweep that is resumed: so many more. */
    addSeeds: z
      .int()
      .min(1)
      .max(MOST_SEEDS - 1)
      .optional(),
    /** Where a run of this name exists, take the next free name: "first-2". */
    unique: z.boolean().optional(),
    /** A person says that whoever holds the folder's lock is gone. */
    takeOver: z.boolean().optional(),
  }).gives<{ run: string; directory: string }>(),
  /**
   * Follows a run to its end. Sends its notices, from the start on but without the first `from` batch records, and answers with its result or its
   * failure. The run does not depend on its watchers.
   */
  watch: takes({ run: text, from: z.int().min(0) }).gives<RunResult>(),
  /**
   * stop takes effect within the batch under way, which is discarded; the others at the next batch. stop, pause and checkpoint write a checkpoint.
   * The result is the state from now on.
   */
  control: takes({ run: text, action: z.enum(["pause", "continue", "stop", "checkpoint"]) }).gives<{ state: RunState | "stopping" }>(),
  /** The runs of this engine that have not ended, and those of others that it follows. */
  list: takes({}).gives<LiveRun[]>(),
  /** The live run in a folder, whichever process trains it: from then on `watch` and `control` reach it. null if nobody trains there. */
  attach: takes({ directory: text }).gives<LiveRun | null>(),
  /** The recipe that the run in a folder began with, to resume it: of one arm, or of both of a comparison or of the comparisons of a sweep. */
  recipeOf: takes({ directory: text, kind: z.enum(["train", "compare", "search"]) }).gives<Recipe>(),
  /** Moves a run, a comparison, a sweep or a search, with all that is in its folder, to the bin of the folder `runs`, and says where it is then. */
  binRun: takes({ directory: text, runs: text }).gives<{ directory: string }>(),
  /** Moves what is in that bin back to its place; if that is taken, beside it. */
  restoreRun: takes({ directory: text, runs: text }).gives<{ directory: string }>(),
  /** Deletes a run, a comparison or a sweep for good. Files that are not theirs stay, and are named. */
  deleteRun: takes({ directory: text }).gives<{ deleted: number; kept: string[] }>(),

  /** Logits and probabilities of single images. Fails if none of them can be read. The network stays loaded for the next call, as long as there is memory. */
  predict: takes({
    model: text,
    /** "bundled" (the teacher) or a safetensors file. */
    weights: text,
    /** Files, or encoded image bytes with a name to show. */
    images: z.array(z.strictObject({ path: text, bytes: bytes.optional() })),
    imageSize: side,
    patchSize: side,
    /** Those of a data set, in whose order logits are wanted; fails, as a run would, if the network was not trained for them. Left out: the network's. */
    classes: z.array(z.string()).min(1).optional(),
    temperature: z.number().positive().optional(),
    mean: triple,
    std: triple,
    /** Also return what the network saw, as PNG. */
    withInput: z.boolean().optional(),
  }).gives<PredictResult>(),
  /** How good networks are on the test images of a data set, side by side; for a folder of images without labels, what they say. */
  evaluate: takes({
    models: z.array(z.strictObject({ model: text, weights: text, imageSize: side, patchSize: side, mean: triple, std: triple })),
    /** Folders of runs, comparisons or sweeps: their students, and the teachers that they had. */
    runs: z.array(text),
    /** null: the data of the first run. */
    data: text.nullable(),
    format,
    /** Go on without the images that cannot be read. */
    skipUnreadable: z.boolean().optional(),
    /**
     * Settings of the data, in place of the run's. Of a folder without a split, testShare and splitSeed say which images are tested; without them, and unless
     * the weights say so, all are.
     */
    settings: z
      .strictObject({
        testShare: z.number().min(0.001).max(0.999),
        splitSeed: z.int().min(0).max(4_294_967_295),
        testLimit: z.int().min(1).nullable(),
        smallestSide: z.int().min(1).nullable(),
      })
      .partial()
      .optional(),
  }).gives<EvaluateResult>(),
  /**
   * Makes a teacher for a data set: a linear head on the features of a backbone, fitted to the training images, in the new folder `out`. Sends `work` notices.
   * Features are kept as they are computed, so a second call goes on where the first was stopped.
   */
  fitTeacher: takes({
    /** The section of a recipe, complete; `parseRecipe` checks its content. */
    data: z.custom<DataSource>((value) => typeof value === "object" && value !== null, "expected the data of a recipe"),
    /** Draws the images that keep their labels, where not all do; default 0. */
    seed: z.int().min(0).max(4_294_967_295).optional(),
    /** "bundled", a weights file, or hf:owner/name. */
    from: text,
    /** null or left out: what the file says, or its name. */
    model: text.nullish(),
    /** Side of the input; left out: what the weights say, then the model's own; 160 px of the bundled backbone. */
    imageSize: side,
    /** Train the network on from there on the same labels, its last stage or all of it; left out or null: the last layer alone is fitted. */
    fineTune: z.strictObject({ stages: z.enum(FINE_TUNED), epochs: z.int().min(1).max(10_000), learningRate: z.number().min(1e-8).max(10) }).nullish(),
    out: text,
    /** Where a folder of this name exists, take the next free name. */
    unique: z.boolean().optional(),
  }).gives<FittedTeacher>(),
  /**
   * Whether a network can be the teacher of data with these classes, by what its file says, without loading it. `problem`: why it cannot, in words; null if
   * nothing speaks against it. `warnings`: with the section `data` of a recipe, that the network has learned from its test images. Fails if the file cannot be read,
   * or if its model is not given and neither the file nor its name tells.
   */
  checkTeacher: takes({
    model: text.nullable(),
    weights: text,
    classes: z.array(z.string()),
    data: z.custom<DataSource>((value) => typeof value === "object" && value !== null, "expected the data of a recipe").optional(),
  }).gives<{
    model: string;
    imageSize: number;
    problem: string | null;
    /** The classes of the weights, and which of the data's are not among them; null where the weights do not name theirs. */
    known: { count: number; lacks: string[] } | null;
    warnings: string[];
  }>(),
  /** The networks in a folder of runs that may be a teacher, and those that come with the program. */
  listTeachers: takes({ directory: text }).gives<KnownTeacher[]>(),
  /** How good a network is as the teacher of a data set, on up to `most` of its test images, by the data's classes alone; fails if it cannot be. */
  testTeacher: takes({ model: text, weights: text, imageSize: side, path: text, format, settings: dataSettings.optional(), most: z.int().min(1) }).gives<{
    accuracy: number;
    /** On so many test images. */
    images: number;
    secondsPerImage: number;
    said: { type: "warning" | "note"; text: string }[];
  }>(),
  /** Ends `fitTeacher` calls of all clients, which fail with INTERRUPTED. */
  stopFitting: takes({}).gives<null>(),
  /** How long a backbone takes on this machine, measured on a few images: for its features, and to train on an image once. */
  timeBackbone: takes({ from: text, model: text.nullish(), imageSize: side }).gives<{
    model: string;
    imageSize: number;
    secondsPerImage: number;
    fineTuning: Record<(typeof FINE_TUNED)[number], number>;
  }>(),
  /** How long a step of a recipe takes on this machine's processor, and how much memory; measured on made-up images. Not while a run is trained. */
  timeRecipe: takes({
    /** `parseRecipe` checks its content. */
    recipe: z.custom<Recipe>((value) => typeof value === "object" && value !== null, "expected a recipe"),
    /** How many the data have. */
    classes: z.int().min(1).max(1_000_000),
  }).gives<TimedRecipe>(),
  /** Rewrites a weights file as fp32, or as bf16 in half the bytes. `out` must not exist. */
  exportWeights: takes({ weights: text, precision: z.enum(["fp32", "bf16"]), out: text }).gives<{ path: string; bytes: number } & TensorCounts>(),
  /** Measures this machine's throughput in a freshly started engine, alone or alternating with PyTorch. Sends `work` and `measured` notices. */
  bench: takes({
    /** Regular expression that selects rows by "name, precision"; null: all. */
    only: text.nullable(),
    rounds: z.int().min(1).max(1000),
    /** null: one per core. */
    threads: z.int().min(1).max(MOST_THREADS).nullable(),
    /** The Python whose PyTorch is measured as well; null: none. */
    python: text.nullable(),
  }).gives<BenchResult>(),
  listRuns: takes({ directory: text }).gives<ListedRun[]>(),
  /** What the folders of these runs say beside them: what was asked for and found, and what a person says of it. */
  listFolders: takes({ directory: text }).gives<RunFolder[]>(),
  /** Gives the run in a folder another name in lists (null or "": the recipe's), a note, or makes it the baseline. What is left out stays as it is. */
  describeRun: takes({
    directory: text,
    name: z.string().max(LONGEST_NAME).nullable().optional(),
    note: z.string().max(LONGEST_NOTE).optional(),
    baseline: z.boolean().optional(),
  }).gives<RunAbout>(),
  readRun: takes({ directory: text }).gives<RunDetails>(),
  /** The same in a fraction of the time: batches as columns, and the evidence unread. */
  readCourse: takes({ directory: text }).gives<RunCourse>(),
  /** Reads and checks the evidence of a run; other calls are answered meanwhile. */
  readEvidence: takes({ directory: text }).gives<RunEvidence>(),
  /** How each arm went with each seed of the sweep that a run belongs to; none if it belongs to none. */
  seeds: takes({ directory: text }).gives<SeedCourse[]>(),
  /** The few test images whose probabilities the run of an arm keeps after every epoch, and what its teacher answers to them. */
  examples: takes({ directory: text }).gives<RunExamples>(),
  /** What that arm answers to them, after the epochs that follow `after`. */
  exampleAnswers: takes({ directory: text, after: z.int().min(0) }).gives<ExampleAnswers>(),
  /** What the finished comparisons in the folder of a comparison or a sweep show; null if there are none. */
  comparison: takes({ directory: text }).gives<ProvenSummary | null>(),
  /** What the arm in a run folder was shown in one of its batches, rendered once more from recipe and data, and whether it is what the evidence has. */
  shownBatch: takes({
    directory: text,
    /** From 1, over all epochs. */
    batch: z.int().min(1),
    /** So many images at most are returned. */
    most: z.int().min(1).max(64),
  }).gives<ShownBatch>(),
  /** Writes a report on one or more run folders and returns its path. */
  report: takes({ runs: z.array(text).min(1), format: z.enum(["html", "csv", "json"]), out: text }).gives<{ path: string }>(),
};

export interface ShownBatch {
  /** From 1, over all epochs. */
  batch: number;
  /** From 1. */
  epoch: number;
  /** Of its images. */
  count: number;
  /** The first of them, as PNG: as each network saw them, before normalisation. `label`: null where the image has none; `teacher`: null where none was asked. */
  images: { label: string | null; student: Uint8Array; teacher: Uint8Array | null }[];
  /** Side in pixels of what each network saw. */
  sides: { student: number; teacher: number | null };
  /** Whether plan, pixels and targets are once more those of the evidence; null where it has no checksum of them. */
  again: Record<"plan" | "pixels" | "targets", boolean | null>;
}

/** Methods that start programs or reach addresses of the caller's choice. */
export const TERMINAL_ONLY: readonly Method[] = ["bench", "dataDownloadFrom"];
/** What another process may ask: to follow and control runs. */
export const PEER: readonly Method[] = ["hello", "watch", "control", "list"];

/** The schema of a method's parameters. `result` only carries a type for the compiler; it never has a value. */
interface Signature<Params extends z.ZodType, Result> {
  params: Params;
  result?: Result;
}

function takes<Shape extends z.ZodRawShape>(shape: Shape) {
  const params = z.strictObject(shape);
  return { gives: <Result>(): Signature<typeof params, Result> => ({ params }) };
}

type TypesOf<S> = S extends Signature<infer Params, infer Result> ? { params: z.infer<Params>; result: Result } : never;

export type Methods = { [M in keyof typeof methods]: TypesOf<(typeof methods)[M]> };
export type Method = keyof Methods;
export type PredictRequest = Methods["predict"]["params"];
export type EvaluateRequest = Methods["evaluate"]["params"];
export type FitRequest = Methods["fitTeacher"]["params"];
export type BenchRequest = Methods["bench"]["params"];

/** A notice without the id of its call. */
export type NoticeBody = Notice extends infer N ? (N extends Notice ? Omit<N, "id"> : never) : never;

/** Progress of a long call, with that call's id. */
export type Notice =
  | { id: number; type: "phase"; text: string }
  | { id: number; type: "started"; arm: ArmName; directory: string; batchesPerEpoch: number; epochs: number }
  | { id: number; type: "batches"; arm: ArmName; records: BatchRecord[]; progress: Progress }
  | { id: number; type: "epoch"; arm: ArmName; record: EpochRecord }
  | { id: number; type: "state"; state: "running" | "paused" | "stopping" }
  /** A training of a sweep begins, number `index` from 0 of `total`: the notices that follow are its own. `words`: which one, as "seed 3". */
  | { id: number; type: "member"; index: number; total: number; words: string; directory: string }
  | { id: number; type: "download"; received: number; total: number; secondsLeft: number | null }
  | { id: number; type: "work"; name: string; done: number; total: number; secondsLeft: number | null }
  /** What training takes of the machine, every few seconds; not kept with the run. */
  | { id: number; type: "machine"; sample: MachineSample }
  | { id: number; type: "measured"; record: BenchRecord }
  | { id: number; type: "warning"; text: string }
  /** A decision made for the user, reported once. */
  | { id: number; type: "note"; text: string };

export interface MachineSample {
  /** Milliseconds since 1970. */
  at: number;
  /** How many the process has kept busy since the sample before, on average. */
  processors: number;
  /** That compute. */
  threads: number;
  /** In tensors, on the device that trains. */
  tensorBytes: number;
  /** Of the whole process, in the computer's memory. */
  processBytes: number;
  /** Free for this process. */
  freeBytes: number;
}

export interface Progress {
  /** Batches done and in total, for all arms and seeds together. */
  done: number;
  total: number;
  imagesPerSecond: number;
  secondsLeft: number;
}

export interface DoctorReport {
  version: string;
  node: string;
  electron: string | null;
  platform: string;
  cpu: { name: string; logicalCores: number; features: string[]; isas: string[]; isa: string; threads: number; threadsReason: string };
  /** What a run would choose, on each device; cuda: null where there is no usable GPU. */
  arithmetic: { cpu: Arithmetic; cuda: Arithmetic | null };
  /** What this process may use. limitedBy: the file that says so in a container; null where all of the machine's memory counts. */
  memory: { totalBytes: number; freeBytes: number; limitedBy: string | null };
  /** Decoded images that are kept on the disk; folder: null where none are kept. */
  decodedImages: { folder: string | null; stores: number; bytes: number; limitBytes: number };
  backends: { name: "cpu" | "cuda"; available: boolean; reason: string; used: boolean }[];
  /** The usable GPUs; recipes with device "cuda" use the first. */
  gpus: Gpu[];
  /** Paths; null if this copy of the program came without them. */
  bundled: { data: string | null; teachers: { model: string; weights: string | null }[] };
}

export interface Gpu {
  name: string;
  memoryBytes: number;
  freeBytes: number;
  /** CUDA's compute capability: "9.0". */
  capability: string;
}

/** A file of which nothing is used, or a folder. */
export interface LeftOutFile {
  /** Relative to the data's folder. */
  path: string;
  /** In words. */
  reason: string;
}

export interface DataInfo {
  path: string;
  format: StoredFormat;
  /** Which folders or files hold what, in words. */
  layout: string;
  classes: string[];
  /** Without what is left out. */
  train: { count: number; perClass: number[] };
  /** Of the data set's own; null if it has none. */
  validation: { count: number; perClass: number[] } | null;
  test: { count: number; perClass: number[] };
  /** Stored size of an image in pixels; null if sizes differ. */
  imageSize: { width: number; height: number } | null;
  /** path: the image's file; null if it has none of its own. */
  thumbnails: { label: number; png: Uint8Array; path: string | null }[];
  leftOut: LeftOutFile[];
  /** Images among them that cannot be read, of those that were looked at: a run ends at them unless they are skipped. */
  unreadable: number;
  /** What makes the figures of a run worth less. */
  concerns: Concern[];
  /** All that is said, the texts of concerns among it. */
  warnings: string[];
  /** What was decided for the user, and texts of concerns that are settled or change little. */
  notes: string[];
}

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
   * Why it is, or is not: by its loss on the validation images, at the temperature; where these are few, by whether they show beyond chance that it is
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

/** Of one image among those of a batch, and of one arm. */
export interface TimedRecipe {
  /** To train on, by the labels alone and with the teacher; to test. */
  secondsPerImage: { control: number; student: number; test: number };
  /** While a step is computed, besides weights. */
  bytesPerImage: number;
  weightBytes: number;
  /** Weights, and what the optimizer keeps of them. */
  checkpointBytes: number;
  /** Weights of all teachers. */
  teacherBytes: number;
}

export interface BenchResult {
  machine: {
    cpu: string;
    logicalCores: number;
    isa: string;
    threads: number;
    memoryBytes: number;
    platform: string;
    version: string;
    /** PyTorch's version. */
    torch: string | null;
    /** Limits measured in the same run, in 10^9 per second: operations, and bytes of arrays too large for the caches. */
    gflops: number;
    /** With operands in bf16, multiplied as a run would. */
    bf16Gflops: number;
    bf16Products: Bf16Products;
    gigabytesPerSecond: number;
  };
  results: BenchRecord[];
}
/** What is counted; for MB and ms, less is better. x: how many times faster. */
export type BenchUnit = "images/s" | "GFLOP/s" | "GB/s" | "ms" | "MB" | "x";
export interface BenchRecord {
  name: string;
  precision: Precision;
  /** The best round. */
  ours: number;
  /** PyTorch's; null if it was not measured. */
  theirs: number | null;
  /** How many times better ours is. */
  ratio: number | null;
  goal: number | null;
  unit: BenchUnit;
  /** Lowest and highest ratio of single rounds. */
  spread: [number, number] | null;
  /** Medians over the rounds, and their ratio. */
  median: { ours: number; theirs: number | null; ratio: number | null };
  rounds: { ours: number; theirs: number | null };
  /** Share of the machine's limit, where one bounds it. */
  ofLimit: number | null;
}
