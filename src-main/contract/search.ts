/** A search: what is asked of it, which trial is the best, and what its figures are worth, the same in terminal and report. */
import type { SearchResult, TrialResult } from "./run";
import { wilsonInterval } from "./statistics";

export const MOST_TRIALS = 10_000;

/** The best first: by accuracy on the validation images, then by loss, then the earlier; those that diverged last. */
export function ranked(trials: readonly TrialResult[]): TrialResult[] {
  return [...trials].sort((a, b) => (b.valAcc ?? -1) - (a.valAcc ?? -1) || (a.valLoss ?? 0) - (b.valLoss ?? 0) || a.trial - b.trial);
}

/** What the figures of a search are worth. */
export function cautions({ images, trials, asked: { batches } }: Pick<SearchResult, "images" | "trials" | "asked">): string[] {
  const [best] = ranked(trials);
  const diverged = trials.filter(({ valAcc }) => valAcc === null).length;
  return [
    best?.valAcc == null
      ? `Judged on ${images} validation images.`
      : `Judged on ${images} validation images: with others like these, the best one’s ${percent(best.valAcc)} could be anything from ${wilsonInterval(best.valAcc, images).map(percent).join(" to ")} (95 %), so a difference of such a size may be chance, and the best of ${trials.length} looks a little better than it is.`,
    ...(batches === null ? [] : [`Each trial ended after ${batches} batches at most, which favours settings that learn quickly.`]),
    ...(diverged === 0 ? [] : [`${diverged} of ${trials.length} trials diverged: their loss was no longer a finite number.`]),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
