/**
 * The conversation with the engine process. The client sends a `Call`; the engine answers each with exactly one `Answer` of the same
 * id, and meanwhile may send any number of `Notice`s. The first call is `hello`; versions must be equal. Everything on the wire is
 * plain JSON-like data (typed arrays allowed, never transferred).
 */
import type { Failure } from "./failure";
import type { ModelInfo } from "./families";
import type { DataFormat, Precision, Recipe } from "./recipe";
import type { ArmName, BatchRecord, ComparisonResult, EpochRecord, RunDetails, RunSummary, TrainResult } from "./run";

export type { Failure };

export const PROTOCOL = 1;

export interface Call<M extends Method = Method> {
  id: number;
  method: M;
  params: Methods[M]["params"];
}
export type Answer = { id: number; ok: true; result: unknown } | { id: number; ok: false; error: Failure };

export interface Methods {
  hello: { params: { protocol: number }; result: { protocol: number; version: string } };
  doctor: { params: Record<string, never>; result: DoctorReport };
  models: { params: Record<string, never>; result: ModelInfo[] };
  /** Counts, classes and, if asked for, some images per class as encoded PNGs. */
  dataInfo: { params: { path: string; format: DataFormat; thumbnailsPerClass: number }; result: DataInfo };
  /** Downloads CIFAR-10 to `directory`; resumable; progress by `download` notices. */
  dataDownload: { params: { directory: string; url?: string }; result: { path: string } };
  /** Trains the one arm that the recipe describes. Progress by notices with this call's id. */
  train: { params: { recipe: Recipe; out: string; resume: boolean }; result: TrainResult };
  /** Trains control and student of the recipe, epoch by epoch in turn, into out/control and out/student. */
  compare: { params: { recipe: Recipe; out: string; resume: boolean }; result: ComparisonResult };
  /** Acts on the running train or compare call at the next batch. stop writes a checkpoint and answers that call with INTERRUPTED. */
  control: { params: { action: "pause" | "continue" | "stop" }; result: { state: "running" | "paused" | "stopping" | "idle" } };
  predict: { params: PredictRequest; result: PredictResult };
  evaluate: { params: EvaluateRequest; result: EvaluateResult };
  /** Writes a file of weights anew, as fp32 or in half the bytes as bf16. `out` must not exist. */
  exportWeights: { params: { weights: string; precision: Precision; out: string }; result: { path: string; bytes: number } };
  /** Measures this machine's throughput, for an engine that was just started; alone, or in turn with PyTorch. Progress by `work` and `measured` notices. */
  bench: { params: BenchRequest; result: BenchResult };
  listRuns: { params: { directory: string }; result: RunSummary[] };
  readRun: { params: { directory: string }; result: RunDetails };
  /** Writes a report on one or more run folders and returns its path. */
  report: { params: { runs: string[]; format: "html" | "csv" | "json"; out: string }; result: { path: string } };
}
export type Method = keyof Methods;

/** Progress of a long call, by its id. */
export type Notice =
  | { id: number; type: "phase"; text: string }
  | { id: number; type: "started"; arm: ArmName; directory: string; batchesPerEpoch: number; epochs: number }
  | { id: number; type: "batches"; arm: ArmName; records: BatchRecord[]; progress: Progress }
  | { id: number; type: "epoch"; arm: ArmName; record: EpochRecord }
  | { id: number; type: "state"; state: "running" | "paused" }
  | { id: number; type: "download"; received: number; total: number }
  | { id: number; type: "work"; name: string; done: number; total: number; secondsLeft: number | null }
  | { id: number; type: "measured"; record: BenchRecord }
  | { id: number; type: "warning"; text: string }
  /** What was decided for the user, and is said once. */
  | { id: number; type: "note"; text: string };

export interface Progress {
  /** Batches done and in total, over both arms. */
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
  cpu: { name: string; logicalCores: number; features: string[]; isas: string[]; isa: string; threads: number };
  memory: { totalBytes: number; freeBytes: number };
  backends: { name: "cpu" | "cuda"; available: boolean; reason: string; used: boolean }[];
  /** Those that can be used, the first of them by recipes with device "cuda". */
  gpus: Gpu[];
  /** Paths, null where this copy of the program came without them. */
  bundled: { data: string | null; teachers: { model: string; weights: string | null }[] };
}

export interface Gpu {
  name: string;
  memoryBytes: number;
  freeBytes: number;
  /** CUDA's compute capability: "9.0". */
  capability: string;
}

export interface DataInfo {
  path: string;
  format: Exclude<DataFormat, "auto">;
  classes: string[];
  train: { count: number; perClass: number[] };
  test: { count: number; perClass: number[] };
  /** Stored size of an image in pixels; null if sizes differ. */
  imageSize: { width: number; height: number } | null;
  thumbnails: { label: number; png: Uint8Array }[];
  warnings: string[];
}

export interface PredictRequest {
  model: string;
  /** "bundled" (the teacher) or a safetensors file. */
  weights: string;
  /** Files, or encoded image bytes with a name to show. */
  images: { path: string; bytes?: Uint8Array }[];
  imageSize?: number;
  patchSize?: number;
  temperature?: number;
  /** null as none: what the weights say, else their family's; the notice `warning` says so. */
  mean?: [number, number, number] | null;
  std?: [number, number, number] | null;
  /** Also return what the net saw, as PNG. */
  withInput?: boolean;
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
}

export interface EvaluateRequest {
  model: string;
  weights: string;
  data: string;
  format: DataFormat;
  imageSize?: number;
  patchSize?: number;
  /** null as none: what the weights say, else their family's; the notice `warning` says so. */
  mean?: [number, number, number] | null;
  std?: [number, number, number] | null;
}
export interface EvaluateResult {
  model: string;
  weights: string;
  images: number;
  accuracy: number;
  loss: number;
  imagesPerSecond: number;
  perClass: { name: string; count: number; accuracy: number }[];
}

export interface BenchRequest {
  /** Regular expression that picks rows by "name, precision"; null: all. */
  only: string | null;
  rounds: number;
  /** null: one per core. */
  threads: number | null;
  /** The Python whose PyTorch is measured too; null: none. */
  python: string | null;
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
    /** Limits measured in the same run: operations, and bytes of arrays too large for caches, in 10^9 per second. */
    gflops: number;
    /** With factors in bf16. */
    bf16Gflops: number;
    gigabytesPerSecond: number;
  };
  results: BenchRecord[];
}
/** What is counted; of MB and ms less is better. x: how many times faster. */
export type BenchUnit = "images/s" | "GFLOP/s" | "GB/s" | "ms" | "MB" | "x";
export interface BenchRecord {
  name: string;
  precision: Precision;
  /** Of the best round. */
  ours: number;
  /** PyTorch's; null if it was not measured. */
  theirs: number | null;
  /** How many times better ours is. */
  ratio: number | null;
  goal: number | null;
  unit: BenchUnit;
  /** Lowest and highest ratio of single rounds. */
  spread: [number, number] | null;
  /** Of the rounds, and the ratio of both. */
  median: { ours: number; theirs: number | null; ratio: number | null };
  rounds: { ours: number; theirs: number | null };
  /** Share of the machine's limit, where one bounds it. */
  ofLimit: number | null;
}
