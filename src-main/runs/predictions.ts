/** What networks answered to the test images: the files of a folder `predictions`, plain tables with a line per image. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { cell, cellsOf } from "../contract/csv";
import { EXAMPLES, type ExampleAnswers } from "../contract/examples";
import { InputError } from "../contract/failure";
import { atOnce, type InTurns } from "../contract/turns";
import { naming, readText } from "../disk/open-file";
import { syncFolder, writeWhole } from "../disk/write-whole";
import { wholeLines } from "./lines";

/**
 * In a run's folder. `last`: of the last epoch, on all test images. `best`: the same of the best epoch by the validation images. `examples`: of every
 * epoch, on a few test images. `teacher`: on all test images, in the folder that a comparison's arms lie in, or of a run that is none's; there, too,
 * `teacherExamples`: on those few.
 */
export const predictionFiles = (directory: string) => {
  const file = (name: string) => join(directory, "predictions", `${name}.csv`);
  return { last: file("last"), best: file("best"), examples: file("examples"), teacher: file("teacher"), teacherExamples: file("teacher-examples") };
};

/** Those few test images as pictures, beside the teacher's answers. */
export const pictureFiles = (directory: string): string[] => Array.from({ length: EXAMPLES }, (_, n) => join(directory, "predictions", `example-${n + 1}.png`));

/** Class probabilities of N images among K classes. */
export interface Predictions {
  /** [K] */
  classes: readonly string[];
  /** [N], the position of each image among the test images, or its path in the data's folder. */
  images: readonly string[];
  /** [N], true classes. */
  labels: Int32Array;
  /** [N,K] */
  probabilities: Float64Array;
}

const COLUMNS = ["image", "class"];

/** Writes a file whole: image, true class, and a column of probabilities for each class, with nine significant digits. */
export function writePredictions(path: string, predictions: Predictions): void {
  makeFolder(dirname(path));
  writeWhole(path, (file) => {
    file.write(header(COLUMNS, predictions.classes));
    // In pieces, because all of it may be longer than a text can be.
    for (let first = 0; first < predictions.images.length; first += 1000) file.write(lines(predictions, first, first + 1000).join(""));
  });
}

/** null if there is no such file, as in runs of earlier versions. Throws an InputError if it cannot be read. */
export function readPredictions(path: string): Predictions | null {
  return atOnce(readPredictionsInTurns(path));
}

export function* readPredictionsInTurns(path: string): InTurns<Predictions | null> {
  if (!existsSync(path)) return null;
  const [first, ...rows] = wholeLines(readText(path));
  const classes = cellsOf(first ?? "").slice(COLUMNS.length);
  if (rows.length === 0) throw new InputError(`${path} is damaged: it has no line of an image`);
  const all: Predictions = { classes, images: [], labels: new Int32Array(rows.length), probabilities: new Float64Array(rows.length * classes.length) };
  const images: string[] = [];
  const rowsAtOnce = Math.ceil(CELLS_AT_ONCE / (classes.length + 1));
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    yield;
    // Line 1 is the header.
    const lines = rows.slice(at, at + rowsAtOnce).map((row, n) => ({ row, cells: cellsOf(row), number: at + n + 2 }));
    const part = parsed(path, classes, lines);
    images.push(...part.images);
    all.labels.set(part.labels, at);
    all.probabilities.set(part.probabilities, at * classes.length);
  }
  return { ...all, images };
}

/** Numbers that are read in one turn. */
const CELLS_AT_ONCE = 20_000;

interface Line {
  row: string;
  /** An image, its class, and its probabilities. */
  cells: string[];
  /** In its file, from 1. */
  number: number;
}

/** Throws an InputError that names the file and the line that cannot be read. */
function parsed(path: string, classes: readonly string[], rows: readonly Line[]): Predictions {
  const labels = new Int32Array(rows.length);
  const probabilities = new Float64Array(rows.length * classes.length);
  const images = rows.map(({ row, cells: [image, name, ...cells], number }, n) => {
    const values = cells.map(Number);
    labels[n] = classes.indexOf(name!);
    if (labels[n]! < 0 || values.length !== classes.length || !values.every(Number.isFinite))
      throw new InputError(`${path} is damaged: line ${number}: expected an image, its class and ${classes.length} probabilities, got "${row.slice(0, 100)}"`);
    probabilities.set(values, n * classes.length);
    return image!;
  });
  return { classes, images, labels, probabilities };
}

/**
 * Adds an epoch, from 1, to the table of examples, which has its number as first column. Lines of this epoch and later ones, which a run had written
 * before it went back to a checkpoint, are replaced.
 */
export function addExamples(path: string, epoch: number, predictions: Predictions): void {
  makeFolder(dirname(path));
  const before = existsSync(path) ? wholeLines(readText(path)).slice(1) : [];
  const kept = before.filter((line) => Number(line.split(",", 1)[0]) < epoch).map((line) => `${line}\n`);
  const added = lines(predictions, 0, predictions.images.length).map((line) => `${epoch},${line}`);
  writeWhole(path, [header(["epoch", ...COLUMNS], predictions.classes), ...kept, ...added].join(""));
}

/**
 * What the table of examples has of the epochs after `after`: their numbers, and their images in one row after the other. null if there is no such file, as in
 * runs of earlier versions. Throws an InputError if those lines cannot be read.
 */
export function readExampleAnswers(path: string, after: number): (ExampleAnswers & Omit<Predictions, "probabilities">) | null {
  if (!existsSync(path)) return null;
  const [first, ...rows] = wholeLines(readText(path));
  const classes = cellsOf(first ?? "").slice(1 + COLUMNS.length);
  const wanted = rows.flatMap((row, n) => {
    const epoch = Number(row.split(",", 1)[0]);
    if (epoch <= after) return [];
    return [{ epoch, row, cells: cellsOf(row).slice(1), number: n + 2 }];
  });
  const { images, labels, probabilities } = parsed(path, classes, wanted);
  const epochs = [...new Set(wanted.map(({ epoch }) => epoch))];
  const each = wanted.length / (epochs.length || 1);
  // One epoch after the other, each with the same images.
  const isWhole = wanted.every(({ epoch }, n) => epoch === epochs[Math.floor(n / each)] && images[n] === images[n % each]);
  if (!isWhole) throw new InputError(`${path} is damaged: expected the same images in every epoch`);
  return { classes, images: images.slice(0, each), labels: labels.slice(0, each), epochs, probabilities };
}

const header = (columns: readonly string[], classes: readonly string[]): string => `${[...columns, ...classes.map(cell)].join(",")}\n`;

/** Those of the images `first` ... `end` - 1. */
function lines({ classes, images, labels, probabilities }: Predictions, first: number, end: number): string[] {
  const K = classes.length;
  return images.slice(first, end).map((image, i) => {
    const n = first + i;
    const values = Array.from(probabilities.subarray(n * K, (n + 1) * K), (value) => Number(value.toPrecision(9)));
    return `${[cell(image), cell(classes[labels[n]!]!), ...values].join(",")}\n`;
  });
}

function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  naming(folder, "written", () => mkdirSync(folder));
  syncFolder(dirname(folder));
}
