/** A search: what is asked of it, which trial is the best, and what its figures are worth, the same in terminal and report. */
import type { SearchResult, TrialResult } from "./run";

export const MOST_TRIALS = 10_000;

/** The best first: by accuracy on the validation images, then by loss, then the earlier; those that diverged last. */
export function ranked(trials: readonly TrialResult[]): TrialResult[] {
  return [...trials].sort((a, b) => (b.valAcc ?? -1) - (a.valAcc ?? -1) || (a.valLoss ?? 0) - (b.valLoss ?? 0) || a.trial - b.trial);
}

/** What the figures of a search are worth. The standard error of a share p of N images is sqrt(p (1 - p) / N). */
export function cautions({ images, trials, asked: { batches } }: Pick<SearchResult, "images" | "trials" | "asked">): string[] {
  const [best] = ranked(trials);
  const error = best?.valAcc == null ? null : Math.sqrt((best.valAcc * (1 - best.valAcc)) / images);
  const diverged = trials.filter(({ valAcc }) => valAcc === null).length;
  return [
    error === null
      ? `Judged on ${images} validation images.`
      : `Judged on ${images} validation images: the standard error of such an accuracy is ${(100 * error).toFixed(1)} points, so a difference of that size may be chance, and the best of ${trials.length} looks a little better than it is.`,
    ...(batches === null ? [] : [`Each trial ended after ${batches} batches at most, which favours settings that learn quickly.`]),
    ...(diverged === 0 ? [] : [`${diverged} of ${trials.length} trials diverged: their loss was no longer a finite number.`]),
  ];
}
