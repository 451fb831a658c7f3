/** The folder of a teacher that was made of a backbone with a linear head on it. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InputError } from "../contract/failure";
import { firstComparison } from "../contract/first-comparison";
import type { FittedTeacher } from "../contract/fitted-teacher";
import { parseJson } from "../contract/json";
import type { DataSource } from "../contract/recipe";
import { makeFolder } from "../disk/make-folder";
import { naming, readText } from "../disk/open-file";
import { writeWhole } from "../disk/write-whole";
import { BIN, leftOutFile } from "./files";
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

/** What came of the teacher in a folder, which may have been moved; null if there is none. Throws an InputError if its figures cannot be read. */
export function readFigures(directory: string): FittedTeacher | null {
  const files = teacherFiles(directory);
  if (!existsSync(files.figures) || !existsSync(files.weights)) return null;
  const found = naming(files.figures, "read", () => parseJson(readText(files.figures))) as FittedTeacher | null;
  if (typeof found?.test?.accuracy !== "number" || typeof found.teacher?.model !== "string")
    throw new InputError(`${files.figures} cannot be used: expected the figures of a teacher, as train-teacher writes them`);
  const { weights, report, recipe } = files;
  return { ...found, directory, teacher: { ...found.teacher, weights }, report, recipe };
}

/** What came of the teacher whose weights these are; null if they are no such teacher's, or nothing tells. */
export function figuresBeside(weights: string): FittedTeacher | null {
  const directory = dirname(weights);
  return teacherFiles(directory).weights === weights ? readable(directory) : null;
}

/** That of the teacher in a folder; if there is none, those of the teachers in the folders in it. One that cannot be read is left out. */
export function madeIn(directory: string): FittedTeacher[] {
  const own = readable(directory);
  if (own || !existsSync(directory)) return own ? [own] : [];
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== BIN);
  return folders.flatMap(({ name }) => readable(join(directory, name)) ?? []);
}

function readable(directory: string): FittedTeacher | null {
  try {
    return readFigures(directory);
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) return null;
    throw error;
  }
}
