/** The folder of a teacher that was made of a backbone with a linear head on it. */
import { join } from "node:path";
import type { FittedTeacher } from "../contract/engine";
import type { Normalization } from "../contract/normalization";
import { makeFolder } from "../disk/make-folder";
import { writeWhole } from "../disk/write-whole";
import type { Model } from "../models/model";
import { saveWeights } from "../models/weights";
import { leftOutFile } from "./files";
import { writeLeftOut } from "./left-out";
import { teacherPage } from "./report/teacher-page";

export const teacherFiles = (directory: string) => ({
  weights: join(directory, "teacher.safetensors"),
  figures: join(directory, "teacher.json"),
  report: join(directory, "report.html"),
});

/** Writes weights, figures and page, the weights last: where they are, the folder is whole. */
export function writeTeacher(found: FittedTeacher, model: Model, { mean, std }: Normalization): void {
  const { directory, classes, backbone, temperature, decay, leftOut } = found;
  const files = teacherFiles(directory);
  makeFolder(directory);
  if (leftOut.length > 0) writeLeftOut(leftOutFile(directory), leftOut);
  writeWhole(files.figures, `${JSON.stringify(found, null, 2)}\n`);
  writeWhole(files.report, teacherPage(found));
  const more = {
    head: "a linear layer on fixed features, by multinomial logistic regression",
    backbone: backbone.weights,
    backboneHash: backbone.hash,
    weightDecay: String(decay),
    ...(temperature !== null && { temperature: String(temperature) }),
  };
  saveWeights(model, files.weights, { classes, mean, std, more });
}
