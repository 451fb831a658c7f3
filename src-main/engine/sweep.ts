import { join } from "node:path";
import type { ComparisonResult, SweepResult, TrainResult } from "../contract/run";
import { writeComparison } from "../runs/comparison";
import { writeReport } from "../runs/report";

/** Means over the comparisons of a sweep, written to its comparison.json and, with every run, to its report.html. */
export function summarizeSweep(directory: string, comparisons: readonly ComparisonResult[]): SweepResult {
  const mean = (of: (comparison: ComparisonResult) => number) => comparisons.reduce((sum, each) => sum + of(each), 0) / comparisons.length;
  const means = (of: (comparison: ComparisonResult) => TrainResult) => ({
    trainAcc: mean((each) => of(each).trainAcc),
    testAcc: mean((each) => of(each).testAcc),
  });
  const runs = comparisons.flatMap(({ control, student }) => [control.directory, student.directory]);
  const result: SweepResult = {
    directory,
    seeds: comparisons.map(({ seed }) => seed),
    teacher: comparisons[0]!.teacher,
    control: means(({ control }) => control),
    student: means(({ student }) => student),
    difference: mean(({ difference }) => difference),
    controlled: comparisons.every(({ controlled }) => controlled),
    tunedSeparately: comparisons.some(({ tunedSeparately }) => tunedSeparately),
    comparisons: [...comparisons],
    report: writeReport({ runs, format: "html", out: join(directory, "report.html") }),
  };
  writeComparison(directory, result);
  return result;
}
