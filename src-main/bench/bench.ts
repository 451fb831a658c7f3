import { totalmem } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import packageJson from "../../package.json";
import type { Limits } from "../backend/addon";
import type { BenchResult } from "../contract/bench";
import type { BenchRequest } from "../contract/engine";
import { UsageError } from "../contract/failure";
import type { Notice } from "../contract/notices";
import type { Precision } from "../contract/recipe";
import { settingAt } from "../contract/settings";
import { backend, full, scope } from "../tensor/tensor";
import type { Benchmark } from "./benchmark";
import { withAmxGoal } from "./goals-with-amx";
import { modelBenchmarks } from "./model-benchmarks";
import { opBenchmarks } from "./op-benchmarks";
import { ours } from "./ours";
import type { Side, Subject } from "./side";
import { compared, type Samples } from "./statistics";
import { Torch } from "./torch";

type Body<N> = N extends Notice ? Omit<N, "id"> : never;
export type Notify = (notice: Body<Notice>) => void;

/** Shortest length of a round, in seconds. */
const ROUND = 0.05;
/** If PyTorch needs more seconds than this for one repetition, it gets only one round. */
const ONE_ROUND = 10;
/** Milliseconds that the threads of the side that has just run get to fall asleep. */
const QUIET = 20;

const START = "start of the process to the first op";

/** Runs every benchmark whose name matches `only`, in rounds that alternate between this engine and PyTorch. Expects an engine that was just started. */
export async function bench({ only, rounds, threads, python }: BenchRequest, notify: Notify): Promise<BenchResult> {
  const startMs = firstOp();
  const wanted = selector(only);
  const benchmarks = allBenchmarks().filter(({ name, precision, onlyBeside }) => wanted(`${name}, ${precision}`) && (python !== null || !onlyBeside));
  if (benchmarks.length === 0 && !wanted(START))
    throw new UsageError(
      `--only ${only}: no benchmark has a name that matches; their names begin with ${beginnings().join(", ")}; leave --only out to measure everything`,
    );
  const addon = backend();
  const before = addon.threads();
  if (threads !== null) addon.setThreads(threads);
  const torch = python === null ? null : await Torch.start(python, addon.threads());
  try {
    const limits = addon.measureLimits();
    const results = wanted(START) ? [compared(START_BENCHMARK, { ours: [startMs], theirs: torch && [torch.startMs] }, null)] : [];
    const progress = new Progress(benchmarks, notify);
    const withAmx = addon.cpuFeatures().isa === "amx";
    for (const benchmark of benchmarks.map((each) => (withAmx ? withAmxGoal(each) : each))) {
      progress.begin(benchmark);
      const samples = await measure(benchmark, torch, rounds, notify);
      const record = compared(benchmark, samples, benchmark.limit && limits[benchmark.limit] / 1e9);
      results.push(record);
      notify({ type: "measured", record });
      progress.end(benchmark);
    }
    return { machine: machine(torch, limits), results };
  } finally {
    torch?.close();
    addon.setThreads(before);
  }
}

const START_BENCHMARK = { name: START, precision: "fp32", unit: "ms", goal: null } as const;

/** Every op and model in every precision that recipes can choose. */
export function allBenchmarks(): Benchmark[] {
  const setting = settingAt("train.precision");
  const precisions = setting?.kind === "choice" ? setting.choices.map(({ value }) => value as Precision | "auto").filter((value) => value !== "auto") : [];
  return precisions.flatMap((precision) => [...opBenchmarks(precision), ...modelBenchmarks(precision)]);
}

/** What the names of all benchmarks begin with, before sizes and directions: "linear", "training step". */
function beginnings(): string[] {
  return [...new Set([...allBenchmarks().map(({ name }) => name), START].map((name) => name.split(/[,:]| T=| \d/)[0]!))];
}

/** Milliseconds since this process was started. */
function firstOp(): number {
  scope(() => full([1], 1).toFloat32());
  return performance.now();
}

function selector(only: string | null): (name: string) => boolean {
  try {
    const pattern = new RegExp(only ?? "", "i");
    return (name) => pattern.test(name);
  } catch (error) {
    throw new UsageError(`--only ${only}: expected a regular expression: ${(error as Error).message}`);
  }
}

async function measure(benchmark: Benchmark, torch: Side | null, rounds: number, notify: Notify): Promise<Samples> {
  // A benchmark that PyTorch cannot run has no number beside ours.
  const attempt = <R>(action: () => Promise<R>) =>
    action().catch((error: Error) => {
      notify({ type: "warning", text: `${benchmark.name}: ${error.message}` });
      return null;
    });
  const threads = backend().threads();
  const samples = { ours: [] as number[], theirs: [] as number[] };
  let theirs = torch && (await attempt(() => torch.open(benchmark)));
  const mine = await ours.open(benchmark);
  try {
    do {
      await pause(QUIET);
      samples.ours.push(await sample(benchmark, mine, threads));
      if (!theirs || (theirs.first > ONE_ROUND && samples.theirs.length > 0)) continue;
      await pause(QUIET);
      const value = await attempt(() => sample(benchmark, theirs!, threads));
      if (value === null) theirs = null;
      else samples.theirs.push(value);
    } while (samples.ours.length < (benchmark.measure === "memory" ? 1 : rounds));
    return { ours: samples.ours, theirs: theirs && samples.theirs };
  } finally {
    mine.close();
    theirs?.close();
    backend().trimMemory();
  }
}

/** The value of one round, in the benchmark's unit. */
async function sample({ measure, unit, amount }: Benchmark, subject: Subject, threads: number): Promise<number> {
  if (measure === "memory") return (await subject.peakMemory()) / 1e6;
  const seconds = await repetition(subject);
  if (measure === "speed") return unit === "ms" ? (1000 * seconds) / amount : amount / seconds;
  await subject.setThreads(1);
  try {
    return (await repetition(subject)) / seconds;
  } finally {
    await subject.setThreads(threads);
  }
}

/** Seconds per repetition, averaged over enough repetitions to fill a round. */
async function repetition(subject: Subject): Promise<number> {
  const repeats = Math.ceil(ROUND / subject.first);
  return (await subject.time(repeats)) / repeats;
}

class Progress {
  readonly #start = performance.now();
  readonly #total: number;
  #done = 0;

  constructor(
    benchmarks: readonly Benchmark[],
    private readonly notify: Notify,
  ) {
    this.#total = benchmarks.reduce((sum, benchmark) => sum + effort(benchmark), 0);
  }

  begin({ name }: Benchmark): void {
    const seconds = (performance.now() - this.#start) / 1000;
    const secondsLeft = this.#done === 0 ? null : (seconds * (this.#total - this.#done)) / this.#done;
    this.notify({ type: "work", name, done: this.#done, total: this.#total, secondsLeft });
  }

  end(benchmark: Benchmark): void {
    this.#done += effort(benchmark);
  }
}

/** A step of a model takes about eight times as long as an op. */
function effort({ unit }: Benchmark): number {
  return unit === "GFLOP/s" || unit === "GB/s" ? 1 : 8;
}

function machine(torch: Torch | null, limits: Limits): BenchResult["machine"] {
  const { name, logicalCores, isa, bf16Products } = backend().cpuFeatures();
  return {
    cpu: name,
    logicalCores,
    isa,
    threads: backend().threads(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    version: packageJson.version,
    torch: torch?.version ?? null,
    gflops: limits.flops / 1e9,
    bf16Gflops: limits.bf16Flops / 1e9,
    bf16Products,
    gigabytesPerSecond: limits.bandwidth / 1e9,
  };
}
