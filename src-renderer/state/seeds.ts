/** Test accuracy over the seeds of a sweep, epoch by epoch. */
import type { SeedCourse } from "../../src-main/contract/run";

type TestedEpoch = SeedCourse["epochs"][number];

/** What the seeds that have an epoch came to after it. */
export interface SeedsAfter {
  epoch: number;
  /** How many have it. */
  seeds: number;
  mean: number;
  lowest: number;
  highest: number;
}

/** Of one arm, in the seeds that it was trained with. */
export function overSeeds(seeds: readonly (readonly TestedEpoch[])[]): SeedsAfter[] {
  const byEpoch = new Map<number, number[]>();
  for (const { epoch, testAcc } of seeds.flat()) byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), testAcc]);
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => ({
      epoch,
      seeds: values.length,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      lowest: Math.min(...values),
      highest: Math.max(...values),
    }));
}

/** "3 seeds in epochs 1 to 4, 2 in epoch 5"; the arms apart where they differ in that. */
export function seedsInWords(arms: readonly { name: string; after: readonly SeedsAfter[] }[]): string {
  const each = arms.filter(({ after }) => after.length > 0).map(({ name, after }) => ({ name, words: rangesInWords(after) }));
  if (each.every(({ words }) => words === each[0]!.words)) return each[0]?.words ?? "";
  return each.map(({ name, words }) => `${name}: ${words}`).join("; ");
}

function rangesInWords(after: readonly SeedsAfter[]): string {
  const ranges: { seeds: number; first: number; last: number }[] = [];
  for (const { epoch, seeds } of after) {
    const range = ranges.at(-1);
    if (range?.seeds === seeds) range.last = epoch;
    else ranges.push({ seeds, first: epoch, last: epoch });
  }
  return ranges
    .map(({ seeds, first, last }, i) => {
      const count = i === 0 ? `${seeds} ${seeds === 1 ? "seed" : "seeds"}` : String(seeds);
      return `${count} in ${first === last ? `epoch ${first}` : `epochs ${first} to ${last}`}`;
    })
    .join(", ");
}
