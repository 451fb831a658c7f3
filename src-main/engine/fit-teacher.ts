/** Makes a teacher for a data set: a linear head on the features of a backbone, as an ordinary weights file. */
import type { FitRequest, FittedTeacher } from "../contract/engine";
import { Interrupted } from "../contract/failure";
import type { Dataset } from "../data/dataset";
import { saveWeights } from "../models/weights";
import { writeFigures } from "../runs/teacher";
import { withHead } from "../training/backbone";
import { secondsPerImage } from "../training/pooled-features";
import { computeFeatures, planOf } from "./fit/features";
import { fitLastLayer } from "./fit/last-layer";
import type { Notify } from "./fit/notices";
import { checkedData, openBackbone, placeOf, readData } from "./fit/preparation";
import { originOf, resultOf } from "./fit/result";

export interface FitContext {
  /** Ends the work with Interrupted, with nothing written but features that are kept for the next start. */
  signal: AbortSignal;
  /** Awaited between batches, and between the steps of a fit. */
  yieldPoint(): Promise<void>;
  notify: Notify;
}

/** Throws an InputError if data or weights cannot be used, or something is in the way in the folder. */
export async function fitTeacher(request: FitRequest, { signal, yieldPoint, notify }: FitContext): Promise<FittedTeacher> {
  const began = performance.now();
  const source = checkedData(request.data);
  const out = placeOf(request, source);
  const going = async () => {
    await yieldPoint();
    if (signal.aborted) throw new Interrupted("stopped on request");
  };
  const backbone = await openBackbone(request, notify, signal);
  let data: Dataset | null = null;
  try {
    data = await readData(source, request.seed ?? 0, backbone, notify, signal);
    const images = planOf(data, backbone, notify);
    const features = await computeFeatures(backbone, data, images.views, going, notify);
    const featuresDone = performance.now();
    const fitted = await fitLastLayer(features, data, images, backbone.width, going, notify);
    const model = withHead(backbone, fitted.head);
    try {
      const seconds = { features: (featuresDone - began) / 1000, fit: (performance.now() - featuresDone) / 1000, total: (performance.now() - began) / 1000 };
      const found = { ...resultOf(request, out, backbone, data, images, features, fitted), seconds };
      writeFigures(found);
      saveWeights(model, found.teacher.weights, { classes: found.classes, ...backbone.normalization, more: originOf(found) });
      return found;
    } finally {
      model.release();
    }
  } finally {
    data?.release();
    backbone.model.release();
  }
}

/** Throws as `fitTeacher` does. */
export async function timeBackbone(request: Pick<FitRequest, "from" | "model" | "imageSize">, notify: Notify) {
  const backbone = await openBackbone(request, notify);
  try {
    const { name: model, imageSize } = backbone.model;
    return { model, imageSize, secondsPerImage: secondsPerImage(backbone) };
  } finally {
    backbone.model.release();
  }
}
