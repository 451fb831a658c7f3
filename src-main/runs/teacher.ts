/** The folder of a teacher that was made of a backbone with a linear head on it. */
import { basename, join } from "node:path";
import { firstComparison } from "../contract/first-comparison";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { DataSource } from "../contract/recipe";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import { leftOutFile } from "./files";
import { writeLeftOut } from "./left-out";
import { teacherPage } from "./report/teacher-page";

export const teacherFiles = (directory: string) => ({
  weights: join(directory, "teacher.safetensors"),
  figures: join(directory, "teacher.json"),
  report: join(directory, "report.html"),
  recipe: join(directory, "compare.json"),
});

/** Writes figures, page, a recipe of a comparison with this teacher on these data, and which files of the data are not used. The weights come last: where they are, the folder is whole. */
export function writeFigures(found: FittedTeacher, data: DataSource): void {
  const { directory, leftOut } = found;
  const files = teacherFiles(directory);
  makeFolder(directory);
  if (leftOut.length > 0) writeLeftOut(leftOutFile(directory), leftOut);
  writeWhole(files.figures, `${JSON.stringify(found, null, 2)}\n`);
  writeWhole(files.report, teacherPage(found));
  // Relative paths of a recipe start from its folder, which may be moved.
  const teacher = { ...found.teacher, weights: basename(files.weights) };
  writeWhole(files.recipe, `${JSON.stringify(firstComparison(data, teacher, found.images.train), null, 2)}\n`);
}
