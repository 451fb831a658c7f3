import { join } from "node:path";
import { summarize } from "../contract/comparison";
import type { ComparisonResult, SweepResult } from "../contract/run";
import { writeComparison } from "../runs/comparison";
import { writeReport } from "../runs/report";

/** Means over the comparisons of a sweep, written to its comparison.json and, with every run, to its report.html. */
export function summarizeSweep(directory: string, comparisons: readonly ComparisonResult[]): SweepResult {
  const runs = comparisons.flatMap(({ control, student }) => [control.directory, student.directory]);
  const result: SweepResult = {
    directory,
    teacher: comparisons[0]!.teacher,
    ...summarize(comparisons),
    controlled: comparisons.every(({ controlled }) => controlled),
    tunedSeparately: comparisons.some(({ tunedSeparately }) => tunedSeparately),
    comparisons: [...comparisons],
    report: writeReport({ runs, format: "html", out: join(directory, "report.html") }),
  };
  writeComparison(directory, result);
  return result;
}
