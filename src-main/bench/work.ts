import type { Limits } from "../backend/addon";
import type { BenchUnit } from "../contract/engine";
import type { Precision } from "../contract/recipe";
import type { Inputs } from "./inputs";

/** One row of the table: something that is done again and again, here and by PyTorch. */
export interface Work {
  name: string;
  precision: Precision;
  unit: BenchUnit;
  /**
   * speed: how much of the unit is done per second, or for ms how long one takes; memory: the highest while it is done, in MB;
   * scaling: how many times faster with all threads than with one.
   */
  measure: "speed" | "memory" | "scaling";
  /** What doing it once comes to, in the unit that is counted per second; in images for ms. */
  amount: number;
  /** What measure of the machine bounds it. */
  limit: keyof Limits | null;
  /** Times that this should be better than PyTorch. */
  goal: number | null;
  /** The same for torch.py: the name of a work there, with its arguments. */
  torch: { work: string; precision: Precision } & Record<string, unknown>;
  /** Left out of a table without PyTorch. */
  onlyBeside?: true;
  /** Makes what is needed; returns what does it once. */
  open(inputs: Inputs): () => void;
}

/** Whether more of the unit is better. */
export function moreIsBetter(unit: BenchUnit): boolean {
  return unit !== "ms" && unit !== "MB";
}
