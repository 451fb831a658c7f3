import { type LeftOut, leftOutFile } from "../data/folder/left-out";
import { writeWhole } from "../disk/write-whole";
import { cell } from "./csv";

/** Writes which files of the data are not used, and why: a table with the columns path, relative to the data's folder, and reason. */
export function writeLeftOut(file: string, leftOut: readonly LeftOut[]): void {
  const lines = leftOut.map(leftOutFile).map(({ path, reason }) => `${cell(path)},${cell(reason)}`);
  writeWhole(file, ["path,reason", ...lines, ""].join("\n"));
}
