/** The folder of a teacher that was made of a backbone with a linear head on it. */
import { join } from "node:path";
import type { FittedTeacher } from "../contract/engine";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import { leftOutFile } from "./files";
import { writeLeftOut } from "./left-out";
import { teacherPage } from "./report/teacher-page";

export const teacherFiles = (directory: string) => ({
  weights: join(directory, "teacher.safetensors"),
  figures: join(directory, "teacher.json"),
  report: join(directory, "report.html"),
});

/** Writes figures, page, and which files of the data are not used. The weights come last: where they are, the folder is whole. */
export function writeFigures(found: FittedTeacher): void {
  const { directory, leftOut } = found;
  const files = teacherFiles(directory);
  makeFolder(directory);
  if (leftOut.length > 0) writeLeftOut(leftOutFile(directory), leftOut);
  writeWhole(files.figures, `${JSON.stringify(found, null, 2)}\n`);
  writeWhole(files.report, teacherPage(found));
}
