/**
 * The conversation with the engine process. The client sends a `Call`; the engine answers each with exactly one `Answer` of the same
 * id, and meanwhile may send any number of `Notice`s. The first call is `hello`; versions must be equal. Everything on the wire is
 * plain JSON-like data (typed arrays allowed, never transferred).
 */

import type { EvaluateResult, PredictResult } from "./answers";
import type { BenchResult } from "./bench";
import { dataFormatChoices, downloadNames } from "./data-formats";
import type { DataInfo } from "./data-info";
import type { DoctorReport } from "./doctor";
import type { ExampleAnswers, RunExamples } from "./examples";
import { type ExportResult, exportFormatNames, exportOptions, weightsOfNames } from "./exports";
import type { Failure } from "./failure";
import type { ModelInfo } from "./families";
import { FINE_TUNED } from "./fine-tuning";
import type { FittedTeacher, KnownTeacher } from "./fitted-teacher";
import type { DataSource, Recipe } from "./recipe";
import type { ListedRun, LiveRun, ProvenSummary, RunCourse, RunDetails, RunEvidence, RunResult, RunState, SeedCourse } from "./run";
import { LONGEST_NAME, LONGEST_NOTE, type RunAbout, type RunFolder } from "./run-folder";
import { MOST_TRIALS } from "./search";
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
  /** The connection alone has ended: the engine may be there, and a run goes on. */
  isDisconnection?: boolean;
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
const searchOptions = z.strictObject({
  trials: z.int().min(1).max(MOST_TRIALS).optional(),
  batches: z.int().min(1).nullable().optional(),
  over: z.array(z.string()).min(1).optional(),
});
/** What is to be trained, and where. */
const asked = {
  /** `parseRecipe` checks its content. */
  recipe: z.custom<Recipe>((value) => typeof value === "object" && value !== null, "expected a recipe"),
  out: text,
  resume: z.boolean(),
  seeds: z.int().min(1).max(MOST_SEEDS).optional(),
  /** Numbers of labelled images (`data.labelled`); a run that is resumed has those that it was asked for, and may get more. */
  labels: z.array(z.int().min(1)).min(1).max(MOST_NUMBERS_OF_LABELS).optional(),
  /** What is left out is as the search that is resumed was asked for, or 20 trials of 50 batches over `defaultSpace`. */
  search: searchOptions.optional(),
  /** Instead of `seeds`, for the finished comparisons of a sweep that is resumed: so many more. */
  addSeeds: z
    .int()
    .min(1)
    .max(MOST_SEEDS - 1)
    .optional(),
};

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
  /**
   * Downloads weights that hf:owner/name[@revision][/file] names into the cache of Python's huggingface_hub; resumable; sends `download` notices. Fails before
   * their download if the repository says that they are of a model which this program does not have. `weights`: the exact name of what came, by its commit,
   * for which nobody is asked again.
   */
  weightsDownload: takes({ weights: text }).gives<{ weights: string; model: string; imageSize: number }>(),
  /** Ends the downloads of data sets and weights of all clients, which fail with INTERRUPTED. What has arrived is kept for the next. */
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
    ...asked,
    /** Where a run of this name exists, take the next free name: "first-2". */
    unique: z.boolean().optional(),
    /** A person says that whoever holds the folder's lock is gone. */
    takeOver: z.boolean().optional(),
  }).gives<{ run: string; directory: string }>(),
  /**
   * What comparisons of several seeds, or a search, would train, for who trains it elsewhere: writes to the folder `out` what is asked for, as `start` does, and
   * answers with the trainings, also those that are finished. Once all folders are there, `start` with `resume` puts them together.
   */
  plan: takes({ kind: z.enum(["compare", "search"]), ...asked }).gives<{ members: PlannedMember[] }>(),
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
    /** null: as the weights say. */
    model: text.nullable(),
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
    models: z.array(z.strictObject({ model: text.nullable(), weights: text, imageSize: side, patchSize: side, mean: triple, std: triple })),
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
  /** What came of the teachers that were made in a folder: of that one itself, or of those in it. One whose figures cannot be read is left out. */
  listMade: takes({ directory: text }).gives<FittedTeacher[]>(),
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
  /** Writes a trained network in a format that other programs read. */
  exportModel: takes({
    source: z.union([
      /** A run, or a comparison, which means its student; of several seeds, one. Default: its last weights. */
      z.strictObject({ run: text, seed: z.int().min(0).optional(), weightsOf: z.enum(weightsOfNames).optional() }),
      /** A file, or a folder of this program or of timm's. The model: as the weights say. */
      z.strictObject({ weights: text, model: text.optional() }),
    ]),
    format: z.enum(exportFormatNames),
    options: exportOptions.optional(),
    /** Must not exist, unless it is a file of which a person said that it `replaces` the one there. */
    out: text,
    replaces: z.boolean().optional(),
  }).gives<ExportResult>(),
  /** Rewrites a weights file, of whatever model, as fp32, or as bf16 in half the bytes. `out` must not exist. */
  exportWeights: takes({ weights: text, precision: z.enum(["fp32", "bf16"]), out: text }).gives<{ path: string; bytes: number } & TensorCounts>(),
  /** Ends `exportModel`, `exportWeights` and `report` calls of all clients that have not put anything in its place yet: they fail with INTERRUPTED. */
  stopWriting: takes({}).gives<null>(),
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
  /** What a person says of the run in a folder. */
  aboutRun: takes({ directory: text }).gives<RunAbout>(),
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
  /** Writes a report on one or more run folders and returns its path; of the format tensorboard, that of a new folder. */
  report: takes({ runs: z.array(text).min(1), format: z.enum(["html", "csv", "json", "tensorboard"]), out: text }).gives<{ path: string }>(),
};

/** One training of a sweep or a search. */
export interface PlannedMember {
  recipe: Recipe;
  directory: string;
  /** Which one it is: "trial 3", and with what it is: "trial 3, train.learningRate 0.001". */
  name: string;
  words: string;
  /** Of comparisons: its result is there. */
  isFinished: boolean;
}

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
export const TERMINAL_ONLY: readonly Method[] = ["bench", "dataDownloadFrom", "plan"];
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
