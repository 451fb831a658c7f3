import type { LeftOutFile } from "../contract/engine";
import { writeWhole } from "../disk/write-whole";
import { cell } from "./csv";

/** Writes which files of the data are not used, and why. */
export function writeLeftOut(file: string, leftOut: readonly LeftOutFile[]): void {
  const lines = leftOut.map(({ path, reason }) => `${cell(path)},${cell(reason)}`);
  writeWhole(file, ["path,reason", ...lines, ""].join("\n"));
}
