import { join, relative } from "node:path";
import type { ComparisonResult, LabelsResult, SweepResult } from "../contract/run";
import { writeWhole } from "../disk/write-whole";

/** Writes comparison.json. Its paths are relative to its folder, which may be moved. */
export function writeComparison(directory: string, result: ComparisonResult | SweepResult | LabelsResult): void {
  const inside = (key: string, value: unknown) => (PATHS.includes(key) ? relative(directory, String(value)) || "." : value);
  writeWhole(join(directory, "comparison.json"), `${JSON.stringify(result, inside, 2)}\n`);
}

const PATHS = ["directory", "report"];
