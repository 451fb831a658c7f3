import { leftOutTable } from "../contract/csv";
import type { LeftOutFile } from "../contract/data-info";
import { writeWhole } from "../disk/write-whole";

/** Writes which files of the data are not used, and why. */
export function writeLeftOut(file: string, leftOut: readonly LeftOutFile[]): void {
  writeWhole(file, leftOutTable(leftOut));
}
