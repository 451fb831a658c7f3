import { summarize } from "../../contract/comparison";
import { differingSettings } from "../../contract/recipe-values";
import type { ComparisonSummary } from "../../contract/run";
import type { Group } from "./group";

export interface OverSeeds {
  /** The comparisons that are finished and can be compared, by seed. */
  comparisons: NonNullable<Group["figures"]>[];
  summary: ComparisonSummary;
}

/** What comparisons that differ in nothing but the seed show together; null if there are not at least two. */
export function overSeeds(groups: readonly Group[]): OverSeeds | null {
  const comparisons = groups.flatMap(({ figures }) => figures ?? []).sort((a, b) => a.seed - b.seed);
  if (comparisons.length < 2 || !differInSeedAlone(groups.filter(({ figures }) => figures))) return null;
  return { comparisons, summary: summarize(comparisons) };
}

/** Seeds that appear twice say nothing new. */
function differInSeedAlone(groups: readonly Group[]): boolean {
  const seeds = new Set(groups.map(({ figures }) => figures!.seed));
  const isAlike = (arm: number) =>
    groups.every(({ runs }) => differingSettings(groups[0]!.runs[arm]!.recipe, runs[arm]!.recipe).every((key) => key === "train.seed" || key === "name"));
  return seeds.size === groups.length && isAlike(0) && isAlike(1);
}
