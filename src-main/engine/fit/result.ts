/** What came of a fit. */
import type { Calibrated, FitRequest, FittedTeacher } from "../../contract/engine";
import type { Dataset } from "../../data/dataset";
import { leftOutFile } from "../../data/folder/left-out";
import { teacherFiles } from "../../runs/teacher";
import type { Backbone } from "../../training/backbone";
import { calibrationOf, crossEntropy, judged, logitsOf } from "../../training/head-fit";
import type { SplitFeatures } from "../../training/pooled-features";
import { scoresOf } from "../evaluate";
import type { Plan } from "./features";
import type { Fitted } from "./last-layer";

/** The figures. */
export function resultOf(
  { from }: FitRequest,
  directory: string,
  backbone: Backbone,
  data: Dataset,
  { views, held }: Plan,
  features: SplitFeatures,
  { head, decay, trials, temperature, validationLogits, validationLabels }: Fitted,
): Omit<FittedTeacher, "seconds"> {
  const { train, validation, test } = data;
  const classes = [...data.classes];
  const { model, width, hash } = backbone;
  const K = classes.length;
  const calibrated = (logits: Float32Array, labels: Int32Array, t: number): Calibrated => ({
    loss: crossEntropy(logits, labels, K, t),
    calibrationError: calibrationOf(logits, labels, K, t).error,
  });
  const logits = logitsOf(head, { values: features.test, labels: test.labels, width });
  const scores = scoresOf(judged(logits, test.labels, K), crossEntropy(logits, test.labels, K), test, classes);
  const files = teacherFiles(directory);
  return {
    directory,
    teacher: { model: model.name, weights: files.weights, imageSize: model.imageSize },
    classes,
    backbone: { weights: from, hash, features: width },
    images: { train: train.count, validation: held?.length ?? validation?.count ?? 0, test: test.count, mirrored: views.length > 1 },
    heldBack: held !== null,
    decay,
    trials,
    temperature,
    validation: validationLogits && {
      accuracy: trials.find((trial) => trial.decay === decay)!.accuracy,
      ...calibrated(validationLogits, validationLabels!, 1),
      calibrated: calibrated(validationLogits, validationLabels!, temperature!),
    },
    test: { ...scores, calibrated: temperature === null ? null : calibrated(logits, test.labels, temperature) },
    features: { computed: features.computed, known: features.known },
    leftOut: data.leftOut.map(leftOutFile),
    report: files.report,
  };
}

/** Where a teacher came from, for the metadata of its file. */
export function originOf({ backbone, decay, temperature }: FittedTeacher): Record<string, string> {
  return {
    head: "multinomial logistic regression on the features of the backbone",
    backbone: backbone.weights,
    backboneHash: backbone.hash,
    weightDecay: String(decay),
    ...(temperature !== null && { temperature: String(temperature) }),
  };
}
