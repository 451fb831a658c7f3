import { totalmem } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import packageJson from "../../package.json";
import type { Limits } from "../backend/addon";
import type { BenchRequest, BenchResult, Notice } from "../contract/engine";
import { UsageError } from "../contract/failure";
import type { Precision } from "../contract/recipe";
import { settingAt } from "../contract/settings";
import { backend, full, scope } from "../tensor/tensor";
import { modelWorks } from "./model-works";
import { opWorks } from "./op-works";
import { ours } from "./ours";
import type { Side, Subject } from "./side";
import { compared, type Samples } from "./statistics";
import { Torch } from "./torch";
import type { Work } from "./work";

type Body<N> = N extends Notice ? Omit<N, "id"> : never;
export type Tell = (notice: Body<Notice>) => void;

/** Least length of a round in seconds. */
const ROUND = 0.05;
/** Where PyTorch needs more seconds to do it once, one round of it is enough. */
const ONE_ROUND = 10;
/** Milliseconds in which the threads of the side that has just run go to sleep. */
const QUIET = 20;

const START = "start of the process to the first op";

/** Measures every work that `only` finds, in rounds in which this engine and PyTorch take turns. For an engine that has just been started. */
export async function bench({ only, rounds, threads, python }: BenchRequest, tell: Tell): Promise<BenchResult> {
  const startMs = firstOp();
  const wanted = selector(only);
  const works = allWorks().filter(({ name, precision, onlyBeside }) => wanted(`${name}, ${precision}`) && (python !== null || !onlyBeside));
  if (works.length === 0 && !wanted(START)) throw new UsageError(`--only ${only}: nothing that is measured has such a name; without it all is measured`);
  const addon = backend();
  const before = addon.threads();
  if (threads !== null) addon.setThreads(threads);
  const torch = python === null ? null : await Torch.start(python, addon.threads());
  try {
    const limits = addon.measureLimits();
    const results = wanted(START) ? [compared(START_WORK, { ours: [startMs], theirs: torch && [torch.startMs] }, null)] : [];
    const progress = new Progress(works, tell);
    for (const work of works) {
      progress.begin(work);
      const samples = await measure(work, torch, rounds, tell);
      const record = compared(work, samples, work.limit && limits[work.limit] / 1e9);
      results.push(record);
      tell({ type: "measured", record });
      progress.end(work);
    }
    return { machine: machine(torch, limits), results };
  } finally {
    torch?.close();
    addon.setThreads(before);
  }
}

const START_WORK = { name: START, precision: "fp32", unit: "ms", goal: null } as const;

/** Every op and model, in every precision that recipes can choose. */
export function allWorks(): Work[] {
  const setting = settingAt("train.precision");
  const precisions = setting?.kind === "choice" ? setting.choices.map(({ value }) => value as Precision) : [];
  return precisions.flatMap((precision) => [...opWorks(precision), ...modelWorks(precision)]);
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

async function measure(work: Work, torch: Side | null, rounds: number, tell: Tell): Promise<Samples> {
  // What PyTorch cannot do has no number beside ours.
  const attempt = <R>(action: () => Promise<R>) =>
    action().catch((error: Error) => {
      tell({ type: "warning", text: `${work.name}: ${error.message}` });
      return null;
    });
  const threads = backend().threads();
  const samples = { ours: [] as number[], theirs: [] as number[] };
  let theirs = torch && (await attempt(() => torch.open(work)));
  const mine = await ours.open(work);
  try {
    do {
      await pause(QUIET);
      samples.ours.push(await sample(work, mine, threads));
      if (!theirs || (theirs.first > ONE_ROUND && samples.theirs.length > 0)) continue;
      await pause(QUIET);
      const value = await attempt(() => sample(work, theirs!, threads));
      if (value === null) theirs = null;
      else samples.theirs.push(value);
    } while (samples.ours.length < (work.measure === "memory" ? 1 : rounds));
    return { ours: samples.ours, theirs: theirs && samples.theirs };
  } finally {
    mine.close();
    theirs?.close();
    backend().trimMemory();
  }
}

/** The value of one round, in the work's unit. */
async function sample({ measure, unit, amount }: Work, subject: Subject, threads: number): Promise<number> {
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

/** Seconds, as the mean over so many repetitions that they fill a round. */
async function repetition(subject: Subject): Promise<number> {
  const repeats = Math.ceil(ROUND / subject.first);
  return (await subject.time(repeats)) / repeats;
}

class Progress {
  readonly #start = performance.now();
  readonly #total: number;
  #done = 0;

  constructor(
    works: readonly Work[],
    private readonly tell: Tell,
  ) {
    this.#total = works.reduce((sum, work) => sum + effort(work), 0);
  }

  begin({ name }: Work): void {
    const seconds = (performance.now() - this.#start) / 1000;
    const secondsLeft = this.#done === 0 ? null : (seconds * (this.#total - this.#done)) / this.#done;
    this.tell({ type: "work", name, done: this.#done, total: this.#total, secondsLeft });
  }

  end(work: Work): void {
    this.#done += effort(work);
  }
}

/** Steps of models take about as much longer than ops. */
function effort({ unit }: Work): number {
  return unit === "GFLOP/s" || unit === "GB/s" ? 1 : 8;
}

function machine(torch: Torch | null, limits: Limits): BenchResult["machine"] {
  const { name, logicalCores, isa } = backend().cpuFeatures();
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
    gigabytesPerSecond: limits.bandwidth / 1e9,
  };
}
