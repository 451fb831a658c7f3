/** What came of a fit. */

import type { FitRequest } from "../../contract/engine";
import type { FineTuning, FittedTeacher } from "../../contract/fitted-teacher";
import type { DataSource } from "../../contract/recipe";
import type { Dataset } from "../../data/dataset";
import { leftOutFile } from "../../data/folder/left-out";
import { teacherFiles } from "../../runs/teacher";
import type { Backbone } from "../../training/backbone";
import { crossEntropy, judged } from "../../training/head-fit";
import type { SplitFeatures } from "../../training/pooled-features";
import { scoresOf } from "../evaluate";
import type { Plan } from "./features";
import type { FineTuneRequest, TrainedOn, Untrained } from "./fine-tuning";
import type { Answers } from "./judgement";
import { calibratedOf, candidateOf, decide } from "./judgement";
import type { Fitted } from "./last-layer";

interface Made {
  out: string;
  source: DataSource;
  backbone: Backbone;
  data: Dataset;
  plan: Plan;
  features: SplitFeatures;
  fitted: Fitted;
  fineTuning: FineTuning | null;
  /** Of the teacher. */
  answers: Answers;
}

/** The figures. */
export function resultOf(
  { from }: FitRequest,
  { out, source, backbone, data, plan, features, fitted, fineTuning, answers }: Made,
): Omit<FittedTeacher, "seconds" | "warnings"> {
  const { train, validation, test } = data;
  const { views, held } = plan;
  const classes = [...data.classes];
  const K = classes.length;
  const { model, width, hash } = backbone;
  const { decay, trials, validationLabels } = fitted;
  const { temperature } = answers;
  const scores = scoresOf(judged(answers.test, test.labels, K), crossEntropy(answers.test, test.labels, K), test, classes);
  const files = teacherFiles(out);
  return {
    directory: out,
    teacher: { model: model.name, weights: files.weights, imageSize: model.imageSize },
    classes,
    source: { ...source, path: data.path },
    backbone: { weights: from, hash, features: width },
    images: { train: train.count, validation: held?.length ?? validation?.count ?? 0, test: test.count, mirrored: views.length > 1 },
    heldBack: held !== null,
    decay,
    trials,
    temperature,
    validation: validationLabels && candidateOf(answers, validationLabels, test.labels, K).validation,
    test: { ...scores, calibrated: temperature === null ? null : calibratedOf(answers.test, test.labels, K, temperature) },
    fineTuning,
    features: { computed: features.computed, known: features.known },
    leftOut: data.leftOut.map(leftOutFile),
    report: files.report,
    recipe: files.recipe,
  };
}

/** The network that was trained on beside that with the last layer alone, and which of them is the teacher. */
export function compared(request: FineTuneRequest, { classes, test }: Dataset, fitted: Fitted, trained: TrainedOn | Untrained): FineTuning {
  const { stages, epochs, learningRate } = request;
  const labels = fitted.validationLabels!;
  const candidate = (answers: Answers) => candidateOf(answers, labels, test.labels, classes.length);
  const of = { stages, epochs, learningRate, lastLayer: candidate(fitted) };
  if (typeof trained === "string") return { ...of, parameters: 0, kept: false, decision: trained, discordant: null, fineTuned: null, seconds: 0 };
  const { decision, discordant } = decide(fitted, trained, labels, classes.length);
  const kept = decision === "lower loss" || decision === "beyond chance";
  return { ...of, parameters: trained.parameters, kept, decision, discordant, fineTuned: candidate(trained), seconds: trained.seconds };
}

/** How a teacher was made, for the metadata of its file. */
export function makingOf({ backbone, decay, temperature, fineTuning }: FittedTeacher): Record<string, string> {
  return {
    head: "multinomial logistic regression on the features of the backbone",
    backbone: backbone.weights,
    backboneHash: backbone.hash,
    weightDecay: String(decay),
    ...(fineTuning?.kept && {
      fineTuned: fineTuning.stages,
      fineTunedEpochs: String(fineTuning.epochs),
      fineTunedLearningRate: String(fineTuning.learningRate),
    }),
    ...(temperature !== null && { temperature: String(temperature) }),
  };
}
