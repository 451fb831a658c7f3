import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addExamples, type Predictions, predictionFiles, readPredictions, writePredictions } from "../../src-main/runs/predictions";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "distill-predictions-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const two = (p: number): Predictions => ({
  classes: ["cat", "dog"],
  images: ["0", "1"],
  labels: Int32Array.of(1, 0),
  probabilities: Float64Array.of(p, 1 - p, 1e-300, 1),
});

test("a plain table: image, true class, and a column for each class, with nine digits", () => {
  const path = predictionFiles(folder).last;
  writePredictions(path, two(1 / 3));
  expect(readFileSync(path, "utf8")).toBe("image,class,cat,dog\n0,dog,0.333333333,0.666666667\n1,cat,1e-300,1\n");
  expect(readPredictions(path)).toEqual({ ...two(1 / 3), probabilities: Float64Array.of(0.333333333, 0.666666667, 1e-300, 1) });
});

test("names of any kind come back as the file shows them, and are no formulas", () => {
  const path = predictionFiles(folder).last;
  const names = { classes: ['say "cat", twice', "=1+1"], images: ["test/a,b/1.png", '"'] };
  writePredictions(path, { ...two(0.5), ...names });
  expect(readFileSync(path, "utf8").split("\n")[0]).toBe(`image,class,"say ""cat"", twice",'=1+1`);
  expect(readPredictions(path)).toMatchObject({ classes: ['say "cat", twice', "'=1+1"], images: names.images, labels: Int32Array.of(1, 0) });
});

test("what is not there is null, and what was changed is an error that names file and line", () => {
  const path = predictionFiles(folder).teacher;
  expect(readPredictions(path)).toBeNull();
  writePredictions(path, two(0.5));
  const whole = readFileSync(path, "utf8");
  const damaged = [whole.replace("1,cat", "1,bird"), whole.replace("1e-300,1", "1e-300"), whole.replace("1e-300", "x"), "", "image,class,cat,dog\n"];
  for (const text of damaged) {
    writeFileSync(path, text);
    expect(() => readPredictions(path)).toThrow(/teacher\.csv is damaged: (line 3: expected an image, its class and 2 probabilities|it has no line)/);
  }
});

test("examples gather epoch by epoch; an epoch that is trained again takes the place of what followed its checkpoint", () => {
  const path = predictionFiles(folder).examples;
  for (const epoch of [1, 2, 3]) addExamples(path, epoch, two(epoch / 10));
  addExamples(path, 2, two(0.9));
  expect(readFileSync(path, "utf8").split("\n")).toEqual([
    "epoch,image,class,cat,dog",
    "1,0,dog,0.1,0.9",
    "1,1,cat,1e-300,1",
    "2,0,dog,0.9,0.1",
    "2,1,cat,1e-300,1",
    "",
  ]);
});
