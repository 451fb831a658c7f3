/** Makes a teacher for a data set: a linear head on the features of a backbone, as an ordinary weights file. */
import { existsSync } from "node:fs";
import type { Calibrated, FitRequest, FittedTeacher, NoticeBody } from "../contract/engine";
import { InputError, Interrupted, UsageError } from "../contract/failure";
import { bundledBackbone } from "../contract/families";
import { isHubPath } from "../contract/hub-path";
import { parseRecipe } from "../contract/parse-recipe";
import type { DataSource } from "../contract/recipe";
import { bundledBackboneFile } from "../data/assets";
import type { Dataset } from "../data/dataset";
import { heldBack, without } from "../data/division";
import { leftOutFile } from "../data/folder/left-out";
import { gigabytes } from "../data/memory";
import { openDataset } from "../data/open-dataset";
import { memory } from "../machine/memory";
import { saveWeights } from "../models/weights";
import { teacherFiles, writeFigures } from "../runs/teacher";
import { type Backbone, type Head, loadBackbone, modelOf, withHead } from "../training/backbone";
import {
  type ChosenHead,
  calibrationOf,
  chooseHead,
  crossEntropy,
  DEFAULT_DECAY,
  type FitOptions,
  fitHead,
  fitTemperature,
  judged,
  type LabelledFeatures,
  logitsOf,
} from "../training/head-fit";
import { featuresOf, type SplitFeatures, secondsPerImage, type View } from "../training/pooled-features";
import { scoresOf } from "./evaluate";
import { fetchNamed } from "./hub";
import { expectOutside, expectWritable } from "./out-folder";

type Notify = (notice: NoticeBody) => void;

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
  const out = placeOf(request);
  const going = async () => {
    await yieldPoint();
    if (signal.aborted) throw new Interrupted("stopped on request");
  };
  const backbone = await openBackbone(request, notify, signal);
  let data: Dataset | null = null;
  try {
    data = await readData(request, backbone, notify, signal);
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

// ---- What it is made of -----------------------------------------------------------------------------------------------------------

/** The folder, which is made at the end. */
function placeOf({ out, unique, data }: FitRequest): string {
  expectWritable(out);
  expectOutside(checked(data), out);
  const isTaken = (folder: string) => Object.values(teacherFiles(folder)).find(existsSync);
  if (unique)
    for (let number = 1; ; number++) {
      const folder = number === 1 ? out : `${out}-${number}`;
      if (!existsSync(folder)) return folder;
    }
  const taken = isTaken(out);
  if (taken) throw new InputError(`${taken} already exists, and nothing is overwritten: choose another folder`);
  return out;
}

async function openBackbone(
  { from, model, imageSize }: Pick<FitRequest, "from" | "model" | "imageSize">,
  notify: Notify,
  signal?: AbortSignal,
): Promise<Backbone> {
  const fetched = await fetchNamed([isHubPath(from) ? from : null], notify, signal);
  for (const text of fetched.notes) notify({ type: "note", text });
  const weights = from === "bundled" ? bundledFile() : fetched(from);
  const found = model ? { model, note: null } : modelOf(weights, from);
  if (found.note) notify({ type: "note", text: found.note });
  const backbone = loadBackbone({ model: found.model, weights, imageSize: imageSize ?? (from === "bundled" ? bundledBackbone.imageSize : null) });
  for (const text of backbone.notes) notify({ type: "note", text });
  if (backbone.assumption) notify({ type: "warning", text: backbone.assumption });
  return backbone;
}

function bundledFile(): string {
  const file = bundledBackboneFile();
  if (file) return file;
  throw new InputError("this copy of the program came without a backbone: name a weights file in its place");
}

async function readData({ data, seed = 0 }: FitRequest, { model }: Backbone, notify: Notify, signal: AbortSignal): Promise<Dataset> {
  const source = checked(data);
  const expectGoing = () => {
    if (signal.aborted) throw new Interrupted("stopped on request");
  };
  notify({ type: "phase", text: "Reading the images" });
  let told = performance.now();
  const read = await openDataset(source, {
    storeSize: model.imageSize,
    seed,
    signal,
    onNote: (text) => notify({ type: "note", text }),
    onProgress: (done, total) => {
      expectGoing();
      if (performance.now() - told < TOLD_EVERY_MS) return;
      told = performance.now();
      notify({ type: "phase", text: `Reading the images: ${done} of ${total}` });
    },
  });
  for (const said of read.said) notify(said);
  return read;
}

/** A head needs a label for every image. */
function checked(data: DataSource): DataSource {
  const { data: source } = parseRecipe({ data, student: { model: "resnet8_cifar10" } });
  if (source.unlabelled === null) return source;
  throw new UsageError("data.unlabelled: a head is fitted to labelled images alone; set it to null");
}

// ---- Features ---------------------------------------------------------------------------------------------------------------------

const TOLD_EVERY_MS = 500;

interface Plan {
  /** Of the training images. */
  views: View[];
  /** Training images to hold back and choose by; null where the data have validation images of their own, or too few for any. */
  held: Int32Array | null;
}

/** What is computed and how it is chosen, and says so. */
function planOf(data: Dataset, backbone: Backbone, notify: Notify): Plan {
  const { train, validation, test, classes } = data;
  const views = viewsWithin(train.count, backbone.width, notify);
  const count = validation ? null : heldCount(train.count, classes.length);
  const held = count === null ? null : heldBack(train.labels, classes.length, count);
  const { model, width, weights } = backbone;
  notify({
    type: "note",
    text: `${model.name} at ${model.imageSize} px gives ${width} features of each image (${weights}): of ${train.count} training images${views.length > 1 ? ", each also mirrored" : ""}${validation ? `, ${validation.count} validation images` : ""} and ${test.count} test images`,
  });
  notify({ type: "note", text: choiceNote(train.count, validation?.count ?? null, held?.length ?? null) });
  return { views, held };
}

function choiceNote(train: number, own: number | null, held: number | null): string {
  if (own !== null) return `weight decay and temperature are chosen on the ${own} validation images`;
  if (held !== null)
    return `${held} of the ${train} training images, the same share of each class, are held back to choose weight decay and temperature by; then the last layer is fitted to all`;
  return `${train} training images are too few to hold any back, so the weight decay is ${DEFAULT_DECAY}, and no temperature is fitted`;
}

const HELD_SHARE = 0.1;
const MOST_HELD = 5000;

/** A tenth of the images, but two of each class; null where that would be more than a quarter. */
function heldCount(count: number, classes: number): number | null {
  const wanted = Math.max(2 * classes, Math.min(MOST_HELD, Math.round(HELD_SHARE * count)));
  return 4 * wanted <= count ? wanted : null;
}

/** A fit holds the features a few times. */
const COPIES = 4;

function viewsWithin(count: number, width: number, notify: Notify): View[] {
  const needed = (views: number) => COPIES * 4 * views * count * width;
  const { available } = memory();
  if (needed(2) <= available / 2) return ["plain", "mirrored"];
  if (needed(1) > available / 2)
    throw new InputError(
      `the features of ${count} images take ${gigabytes(needed(1))} of memory while a head is fitted to them, and ${gigabytes(available)} are free: set data.trainLimit to fewer images`,
    );
  notify({ type: "note", text: `the training images are not seen mirrored as well: that would take ${gigabytes(needed(2))} of memory` });
  return ["plain"];
}

async function computeFeatures(backbone: Backbone, data: Dataset, views: View[], yieldPoint: () => Promise<void>, notify: Notify): Promise<SplitFeatures> {
  const began = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  const features = await featuresOf(backbone, data, {
    views,
    yieldPoint,
    onNote: (text) => notify({ type: "note", text }),
    onProgress: (done, computed, total) => {
      const now = performance.now();
      if (now - told < TOLD_EVERY_MS && done < total) return;
      told = now;
      const secondsLeft = computed > 0 ? (((now - began) / 1000) * (total - done)) / computed : null;
      notify({ type: "work", name: "features", done, total, secondsLeft });
    },
  });
  if (features.known > 0)
    notify({ type: "note", text: `the features of ${features.known} images were kept by an earlier start, ${features.computed} are new` });
  return features;
}

// ---- Head -------------------------------------------------------------------------------------------------------------------------

interface Fitted extends ChosenHead {
  head: Head;
  temperature: number | null;
  /** Labels of the images that `validationLogits` are of. */
  validationLabels: Int32Array | null;
}

async function fitLastLayer(
  features: SplitFeatures,
  data: Dataset,
  { views, held }: Plan,
  width: number,
  yieldPoint: () => Promise<void>,
  notify: Notify,
): Promise<Fitted> {
  const { train, validation, classes } = data;
  const began = performance.now();
  const onFit = (done: number, total: number) => {
    const secondsLeft = done > 0 ? (((performance.now() - began) / 1000) * (total - done)) / done : null;
    notify({ type: "work", name: "last layer", done, total, secondsLeft });
  };
  const options: FitOptions = { classes: classes.length, yieldPoint, onFit };
  const rowsOf = (rows: Int32Array, views: readonly View[]) => chosenRows(features.train, train.labels, rows, views, width);
  const all = Int32Array.from(train.labels, (_, n) => n);
  const kept = held ? without(train.count, held) : all;
  const judges: LabelledFeatures | null = held ? rowsOf(held, ["plain"]) : validation && { values: features.validation!, labels: validation.labels, width };
  const chosen = await chooseHead(rowsOf(kept, views), judges, options);
  const { decay, validationLogits } = chosen;
  const head = held ? await fitHead(rowsOf(all, views), decay, options) : chosen.head;
  const temperature = judges && fitTemperature(validationLogits!, judges.labels, classes.length);
  return { ...chosen, head, temperature, validationLabels: judges?.labels ?? null };
}

/** Of these training images in these views, one view after the other. */
function chosenRows(byView: ReadonlyMap<View, Float32Array>, labels: Int32Array, rows: Int32Array, views: readonly View[], width: number): LabelledFeatures {
  const values = new Float32Array(views.length * rows.length * width);
  const own = new Int32Array(views.length * rows.length);
  for (const [v, view] of views.entries()) {
    const all = byView.get(view)!;
    for (const [i, row] of rows.entries()) {
      const to = v * rows.length + i;
      values.set(all.subarray(row * width, (row + 1) * width), to * width);
      own[to] = labels[row]!;
    }
  }
  return { values, labels: own, width };
}

// ---- What came of it --------------------------------------------------------------------------------------------------------------

function resultOf(
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
function originOf({ backbone, decay, temperature }: FittedTeacher): Record<string, string> {
  return {
    head: "multinomial logistic regression on the features of the backbone",
    backbone: backbone.weights,
    backboneHash: backbone.hash,
    weightDecay: String(decay),
    ...(temperature !== null && { temperature: String(temperature) }),
  };
}
