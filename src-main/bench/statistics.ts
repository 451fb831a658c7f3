import type { BenchRecord } from "../contract/bench";
import { type Benchmark, moreIsBetter } from "./benchmark";

/** One value per round, in the benchmark's unit. */
export interface Samples {
  ours: readonly number[];
  /** Null without PyTorch or if PyTorch could not run it; a single value if PyTorch is very slow. */
  theirs: readonly number[] | null;
}

/** The best and median rounds of both sides, and the range of single rounds. `limit`: the most that the machine can do, in the same unit. */
export function compared(
  { name, precision, unit, goal }: Pick<Benchmark, "name" | "precision" | "unit" | "goal">,
  { ours, theirs }: Samples,
  limit: number | null,
): BenchRecord {
  const best = (values: readonly number[]) => (moreIsBetter(unit) ? Math.max(...values) : Math.min(...values));
  const times = (mine: number, other: number) => (moreIsBetter(unit) ? mine / other : other / mine);
  const middle = { ours: median(ours), theirs: theirs && median(theirs) };
  const ratios = theirs && ours.map((mine, round) => times(mine, theirs[Math.min(round, theirs.length - 1)]!));
  return {
    name,
    precision,
    ours: best(ours),
    theirs: theirs && best(theirs),
    ratio: theirs && times(best(ours), best(theirs)),
    goal,
    unit,
    spread: ratios ? [Math.min(...ratios), Math.max(...ratios)] : null,
    median: { ...middle, ratio: middle.theirs && times(middle.ours, middle.theirs) },
    rounds: { ours: ours.length, theirs: theirs?.length ?? null },
    ofLimit: limit && best(ours) / limit,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
