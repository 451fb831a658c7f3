/** Makes a teacher for a data set: a linear head on the features of a backbone, which may be trained on from there, as an ordinary weights file. */

import type { FitRequest } from "../contract/engine";
import { Interrupted } from "../contract/failure";
import type { FittedTeacher } from "../contract/fitted-teacher";
import type { DataSource } from "../contract/recipe";
import type { Dataset } from "../data/dataset";
import { storePlace } from "../data/store/place";
import { type Origin, originMetadata } from "../models/origin";
import { saveWeights } from "../models/weights";
import { writeFigures } from "../runs/teacher";
import { type Backbone, type Head, withHead } from "../training/backbone";
import { secondsPerImage } from "../training/pooled-features";
import { computeFeatures, planOf } from "./fit/features";
import { expectJudges, secondsOfTraining, type TrainedOn, trainOn } from "./fit/fine-tuning";
import { warnOfFewJudges } from "./fit/judgement";
import { fitLastLayer } from "./fit/last-layer";
import type { Notify } from "./fit/notices";
import { originOf, warnOfCopies, warnOfSeen } from "./fit/origin";
import { checkedData, claim, expectFree, openBackbone, placeOf, readData } from "./fit/preparation";
import { compared, makingOf, resultOf } from "./fit/result";
import { unnamedInWords } from "./origins";

export interface FitContext {
  /** Ends the work with Interrupted, with nothing written but features that are kept for the next start. */
  signal: AbortSignal;
  /** Awaited between batches, and between the steps of a fit. */
  yieldPoint(): Promise<void>;
  notify: Notify;
}

/** Throws an InputError if data or weights cannot be used, or something is in the way in the folder. */
export async function fitTeacher(request: FitRequest, { signal, yieldPoint, notify: tell }: FitContext): Promise<FittedTeacher> {
  const began = performance.now();
  const warnings: string[] = [];
  const notify: Notify = (notice) => {
    if (notice.type === "warning") warnings.push(notice.text);
    tell(notice);
  };
  const source = checkedData(request.data);
  const out = placeOf(request, source);
  const giveBack = claim(out);
  const going = async () => {
    await yieldPoint();
    if (signal.aborted) throw new Interrupted("stopped on request");
  };
  let backbone: Backbone | null = null;
  let data: Dataset | null = null;
  let trained: TrainedOn | null = null;
  try {
    backbone = await openBackbone(request, notify, signal);
    const seed = request.seed ?? 0;
    data = await readData(source, seed, backbone, notify, signal);
    const plan = planOf(data, backbone, notify);
    const { fineTune } = request;
    if (fineTune) expectJudges(data, plan);
    warnOfFewJudges(data, plan, notify);
    await warnOfCopies(data, plan, signal, notify);
    if (backbone.origin) await warnOfSeen(backbone.origin, data, plan, signal, notify);
    const features = await computeFeatures(backbone, data, plan.views, going, signal, notify);
    const featuresDone = performance.now();
    const fitted = await fitLastLayer(features, data, plan, backbone.width, going, notify);
    const fitDone = performance.now();
    const came = fineTune ? await trainOn({ ...fineTune, source, seed }, backbone, data, plan, fitted, going, notify) : null;
    trained = typeof came === "string" ? null : came;
    const fineTuning = came && compared(fineTune!, data, fitted, came);
    const better = fineTuning?.kept ? trained : null;
    const seconds = { features: (featuresDone - began) / 1000, fit: (fitDone - featuresDone) / 1000, total: (performance.now() - began) / 1000 };
    const found = { ...resultOf(request, { out, source, backbone, data, plan, features, fitted, fineTuning, answers: better ?? fitted }), seconds };
    const origin = await originOf(data, plan, better !== null, backbone.origin, signal);
    const unnamed = unnamedInWords(origin);
    if (unnamed) notify({ type: "warning", text: unnamed });
    const whole = { ...found, warnings };
    write(whole, origin, source, backbone, better, fitted.head);
    return whole;
  } catch (error) {
    throw error instanceof Interrupted ? new Interrupted(stoppedInWords(request.fineTune != null)) : error;
  } finally {
    trained?.release();
    data?.release();
    backbone?.model.release();
    giveBack();
  }
}

/** What is left of a fit that was stopped. */
function stoppedInWords(isTrainedOn: boolean): string {
  const anew = isTrainedOn ? ", and fine-tuning begins anew" : "";
  return storePlace().folder === null
    ? "stopped on request: no teacher was written, and no features are kept (DISTILL_CACHE is off): the next start computes them again"
    : `stopped on request: no teacher was written. The features computed so far are kept: the same again goes on from there${anew}`;
}

/** Writes the folder: of the network that was trained on, or else of the backbone with the head. */
function write(found: FittedTeacher, origin: Origin, source: DataSource, backbone: Backbone, trained: TrainedOn | null, head: Head): void {
  expectFree(found.directory);
  const model = trained?.network.model ?? withHead(backbone, head);
  try {
    writeFigures(found, source);
    saveWeights(model, found.teacher.weights, { classes: found.classes, ...backbone.normalization, more: { ...makingOf(found), ...originMetadata(origin) } });
  } finally {
    if (!trained) model.release();
  }
}

/** Throws as `fitTeacher` does. */
export async function timeBackbone(request: Pick<FitRequest, "from" | "model" | "imageSize">, yieldPoint: () => Promise<void>, notify: Notify) {
  const backbone = await openBackbone(request, notify);
  try {
    const { name: model, imageSize } = backbone.model;
    const perImage = secondsPerImage(backbone);
    const fineTuning = { last: await secondsOfTraining(backbone, "last", yieldPoint), all: await secondsOfTraining(backbone, "all", yieldPoint) };
    return { model, imageSize, secondsPerImage: perImage, fineTuning };
  } finally {
    backbone.model.release();
  }
}
