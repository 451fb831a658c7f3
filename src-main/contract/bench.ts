/** What the benchmark measures. */
import type { Bf16Products } from "./arithmetic";
import type { Precision } from "./recipe";

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
