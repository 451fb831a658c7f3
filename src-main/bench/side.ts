import type { Benchmark } from "./benchmark";

/** One of the two sides that are measured: this engine, or PyTorch in a process of its own. */
export interface Side {
  open(benchmark: Benchmark): Promise<Subject>;
}

/** A benchmark that one side has prepared. */
export interface Subject {
  /** Seconds that the last warm-up repetition took. */
  readonly first: number;
  /** Runs that many repetitions; resolves with the seconds they took in total. */
  time(repeats: number): Promise<number>;
  setThreads(count: number): Promise<void>;
  /** Peak bytes during one repetition, its inputs included. */
  peakMemory(): Promise<number>;
  close(): void;
}
