import type { Limits } from "../backend/addon";
import type { BenchUnit } from "../contract/bench";
import type { Precision } from "../contract/recipe";
import type { Inputs } from "./inputs";

/** One row of the table: something that both sides repeat, this engine and PyTorch. */
export interface Benchmark {
  name: string;
  precision: Precision;
  unit: BenchUnit;
  /**
   * speed: units per second, or for ms the duration of one; memory: the peak during one repetition, in MB; scaling: how many times faster
   * it is with all threads than with one.
   */
  measure: "speed" | "memory" | "scaling";
  /** How much one repetition does, in the unit that is counted per second; for ms, in images. */
  amount: number;
  /** Which limit of the machine bounds it. */
  limit: keyof Limits | null;
  /** The ratio to PyTorch that the project wants. */
  goal: number | null;
  /** The same for torch.py: the name of a benchmark there, with its arguments. */
  torch: { benchmark: string; precision: Precision } & Record<string, unknown>;
  /** Whether to leave it out of a table without PyTorch. */
  onlyBeside?: true;
  /** Creates the inputs; returns a function that runs one repetition. */
  open(inputs: Inputs): () => void;
}

/** Whether a higher value is better. */
export function moreIsBetter(unit: BenchUnit): boolean {
  return unit !== "ms" && unit !== "MB";
}
