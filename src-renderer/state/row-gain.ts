/** What a row of the list says of its comparison: the gain, and over how many seeds. */
import { signedPoints, surenessInWords } from "../../src-main/contract/comparison";
import { hasWidth } from "../../src-main/contract/statistics";
import type { RunRow } from "./run-rows";
import { points } from "./words";

/** The interval of the gain, in points; null if there is none. */
export const rangeOf = ({ summary }: RunRow) =>
  summary?.interval && hasWidth(summary.interval) ? `${signedPoints(summary.interval[0])} to ${signedPoints(summary.interval[1])}` : null;

/** What the gain shows, in sentences. */
export function gainTitle({ summary, controlled }: RunRow): string | undefined {
  if (!summary) return undefined;
  const { result, doubt } = surenessInWords(summary, controlled);
  return [result, doubt].filter(Boolean).join(" ");
}

/** Whether the gain is one that is shown to be there. */
export const isShown = ({ summary, controlled }: RunRow) => summary !== null && summary.difference > 0 && surenessInWords(summary, controlled).isShown === true;

/** Of a sweep over numbers of labels: from the fewest to the most. */
export function gainsByLabels({ byLabels }: RunRow): string | null {
  const known = byLabels.flatMap(({ summary }) => summary?.difference ?? []);
  return known.length === 0 ? null : known.length === 1 ? points(known[0]!) : `${points(known[0]!)} … ${points(known.at(-1)!)}`;
}

/** Those that are finished, and those that were asked for where that is more. */
export const seedsOf = ({ kind, summary, asked, finished }: RunRow) =>
  kind === "seeds" && finished < asked ? `${finished}/${asked}` : (summary?.seeds.length ?? "–");
