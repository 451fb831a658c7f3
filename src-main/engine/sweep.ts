import { join } from "node:path";
import { armsIn, summarize } from "../contract/comparison";
import type { ComparisonResult, SameImagesSummary, SweepResult } from "../contract/run";
import { writeComparison } from "../runs/comparison";
import { writeReport } from "../runs/report";

/** Means over the comparisons of a sweep, written to its comparison.json and, with every run, to its report.html. */
export function summarizeSweep(directory: string, comparisons: readonly ComparisonResult[]): SweepResult {
  const runs = comparisons.flatMap((comparison) => armsIn(comparison).map(({ figures: { directory } }) => directory));
  const summary = summarize(comparisons);
  const result: SweepResult = {
    directory,
    teacher: comparisons[0]!.teacher,
    ...summary,
    sameImages: summary.sameImages && withProof(summary.sameImages, comparisons),
    controlled: comparisons.every(({ controlled }) => controlled),
    tunedSeparately: comparisons.some(({ tunedSeparately }) => tunedSeparately),
    comparisons: [...comparisons],
    report: writeReport({ runs, format: "html", out: join(directory, "report.html") }),
  };
  writeComparison(directory, result);
  return result;
}

/** With whether each comparison's arm is proven to differ from its control in the teacher alone. */
function withProof(summary: SameImagesSummary, comparisons: readonly ComparisonResult[]): SweepResult["sameImages"] {
  const controlled = comparisons.every(({ sameImages }) => sameImages?.teacherAdds.controlled);
  return { ...summary, teacherAdds: { ...summary.teacherAdds, controlled } };
}
