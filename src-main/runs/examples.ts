/** The few test images whose probabilities are kept after every epoch, as the app shows them. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ExampleAnswers, RunExamples } from "../contract/examples";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import { readHeader } from "./header";
import { type Predictions, pictureFiles, predictionFiles, readExampleAnswers, readPredictions, writePredictions } from "./predictions";

/** What is known of them before anything is trained. */
export interface Examples {
  /** PNG of each. */
  pictures: readonly Uint8Array[];
  teacher: Predictions | null;
}

/** Writes what of it is not there yet, beside the arms of a comparison or into the folder of a run that is none's. */
export function keepExamples(directory: string, { pictures, teacher }: Examples): void {
  const files = pictureFiles(directory);
  makeFolder(dirname(files[0]!));
  for (const [n, picture] of pictures.entries()) if (!existsSync(files[n]!)) writeWhole(files[n]!, (file) => file.write(picture));
  const { teacherExamples } = predictionFiles(directory);
  if (teacher && !existsSync(teacherExamples)) writePredictions(teacherExamples, teacher);
}

/** Of the arm in a run folder. Throws an InputError if the folder holds no readable run, or if a file cannot be read. */
export function readExamples(directory: string): RunExamples {
  const { arm } = readHeader(directory);
  const beside = arm === "single" ? directory : dirname(directory);
  const own = readExampleAnswers(predictionFiles(directory).examples, 0);
  const teacher = readPredictions(predictionFiles(beside).teacherExamples) ?? (own && teacherAnswers(beside, own.images));
  const { classes, images, labels } = teacher ?? own ?? { classes: [], images: [], labels: [] };
  return {
    classes: [...classes],
    images: images.map((name, n) => ({ name, label: labels[n]! })),
    pictures: pictureFiles(beside)
      .slice(0, images.length)
      .flatMap((path) => (existsSync(path) ? [readFileSync(path)] : [])),
    teacher: teacher?.probabilities ?? null,
  };
}

/** The teacher's answers to these images among those to all; null where they are not kept. */
function teacherAnswers(directory: string, images: readonly string[]): Predictions | null {
  const all = readPredictions(predictionFiles(directory).teacher);
  const rows = images.map((image) => all?.images.indexOf(image) ?? -1);
  if (!all || rows.includes(-1)) return null;
  const { classes, labels, probabilities } = all;
  const K = classes.length;
  const own = new Float64Array(rows.length * K);
  for (const [n, row] of rows.entries()) own.set(probabilities.subarray(row * K, (row + 1) * K), n * K);
  return { classes, images, labels: Int32Array.from(rows, (row) => labels[row]!), probabilities: own };
}

/** What the arm in a run folder answered after the epochs that follow `after`. Throws an InputError if that cannot be read. */
export function answersAfter(directory: string, after: number): ExampleAnswers {
  const { epochs, probabilities } = readExampleAnswers(predictionFiles(directory).examples, after) ?? { epochs: [], probabilities: new Float64Array(0) };
  return { epochs, probabilities };
}
