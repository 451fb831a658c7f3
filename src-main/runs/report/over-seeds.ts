import { summarize } from "../../contract/comparison";
import { differingSettings } from "../../contract/recipe-values";
import type { ComparisonSummary, RunDetails } from "../../contract/run";
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

/** In the arms that the comparisons share. Seeds that appear twice say nothing new. */
function differInSeedAlone(groups: readonly Group[]): boolean {
  const seeds = new Set(groups.map(({ figures }) => figures!.seed));
  const [first, ...others] = groups.map(({ runs }) => runs);
  const isAlike = ({ arm, recipe }: RunDetails) =>
    others.flat().every((other) => other.arm !== arm || differingSettings(recipe, other.recipe).every((key) => key === "train.seed" || key === "name"));
  return seeds.size === groups.length && first!.every(isAlike);
}
