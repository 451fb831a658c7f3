/** A teacher's network trained on from its fitted last layer. */
import type { FitRequest } from "../../contract/engine";
import { Diverged, InputError } from "../../contract/failure";
import { FINE_TUNING } from "../../contract/fine-tuning";
import { parseRecipe } from "../../contract/parse-recipe";
import type { DataSource } from "../../contract/recipe";
import { FEWEST_JUDGES, undecidableInWords } from "../../contract/teacher";
import type { Dataset } from "../../data/dataset";
import { without } from "../../data/division";
import { partOf } from "../../data/split";
import { type Backbone, withHead } from "../../training/backbone";
import { logitsOn } from "../../training/evaluate";
import { type FineTuned, fineTune } from "../../training/fine-tune";
import { imagesAtOnce } from "../../training/images-at-once";
import { madeUp } from "../made-up-data";
import type { Plan } from "./features";
import type { Answers } from "./judgement";
import { couldBeShown, type Judges, judgesOf, temperatureOf } from "./judgement";
import type { Fitted } from "./last-layer";
import { type Notify, TOLD_EVERY_MS } from "./notices";

export type FineTuneRequest = NonNullable<FitRequest["fineTune"]>;

/** A network that was trained on, and what it answers. */
export interface TrainedOn extends FineTuned, Answers {
  seconds: number;
}

/** Why there is none. */
export type Untrained = "diverged" | "undecidable";

/** Throws an InputError if there are no images by which the result could be judged. */
export function expectJudges(data: Dataset, { held }: Plan): void {
  if (held || data.validation) return;
  throw new InputError(
    `fine-tuning: ${data.train.count} training images are too few to hold any back, by which it could be told whether it helps: leave it out, or add images`,
  );
}

/**
 * Begins with the head that was fitted without the images by which weight decay and temperature were chosen, and trains on the same images as that head:
 * the images that choose between the two have taught neither. Or why there is no such network, which is said: the loss diverged, or too few images choose.
 */
export async function trainOn(
  request: FineTuneRequest & { source: DataSource; seed: number },
  backbone: Backbone,
  data: Dataset,
  plan: Plan,
  { firstHead, validation, validationLabels }: Fitted,
  yieldPoint: () => Promise<void>,
  notify: Notify,
): Promise<TrainedOn | Untrained> {
  const began = performance.now();
  const { held } = plan;
  const those = judgesOf(data, plan)!;
  if (!couldBeShown(validation!, validationLabels!, data.classes.length)) {
    notify({ type: "warning", text: `the network is not fine-tuned: ${undecidableInWords(those.words, data.train.count, held !== null)}` });
    return "undecidable";
  }
  const judges = held ? partOf(data.train, held) : data.validation!;
  const train = held ? partOf(data.train, without(data.train.count, held)) : data.train;
  notify({ type: "note", text: planInWords(request, train.count, those, held !== null) });
  let told = Number.NEGATIVE_INFINITY;
  const onProgress = ({ done, total, secondsLeft }: { done: number; total: number; secondsLeft: number }) => {
    if (performance.now() - told < TOLD_EVERY_MS && done < total) return;
    told = performance.now();
    notify({ type: "work", name: "fine-tuning", done, total, secondsLeft });
  };
  const network = { model: withHead(backbone, firstHead), normalization: backbone.normalization };
  const part = { ...data, train, labelled: train.count, validation: null, test: judges };
  let trained: FineTuned;
  try {
    trained = await fineTune(network, part, request.source, request, { yieldPoint, onProgress });
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    notify({ type: "warning", text: `the fine-tuning diverged at a learning rate of ${request.learningRate}, so the last layer alone is kept` });
    return "diverged";
  }
  try {
    const options = { precision: "fp32", batchSize: imagesAtOnce(backbone.model.imageSize), yieldPoint } as const;
    const validation = await logitsOn(trained.network, judges, options);
    const temperature = temperatureOf(validation, judges.labels, data.classes.length, "the fine-tuned network", notify);
    const test = await logitsOn(trained.network, data.test, options);
    return { ...trained, validation, temperature, test, seconds: (performance.now() - began) / 1000 };
  } catch (error) {
    trained.release();
    throw error;
  }
}

/** Few, as other calls wait for a batch of them. */
const TIMED = 4;

/** Seconds that it takes to train on one image once, measured on made-up ones; the first batch, which is slower, does not count. */
export async function secondsOfTraining(backbone: Backbone, stages: FineTuneRequest["stages"], yieldPoint: () => Promise<void>): Promise<number> {
  const data = madeUp(TIMED, backbone.model.imageSize, 2);
  let began = 0;
  let seconds = 0;
  const hooks = {
    yieldPoint: async () => {
      await yieldPoint();
      began = performance.now();
    },
    onProgress: () => {
      seconds = (performance.now() - began) / 1000;
    },
  };
  try {
    const head = { weight: new Float32Array(2 * backbone.width), bias: new Float32Array(2) };
    const network = { model: withHead(backbone, head), normalization: backbone.normalization };
    const { data: source } = parseRecipe({ data: { path: "bundled" }, student: { model: "resnet8_cifar10" } });
    (await fineTune(network, data, source, { stages, epochs: 2, learningRate: FINE_TUNING.learningRate, seed: 0 }, hooks)).release();
    return seconds / TIMED;
  } finally {
    data.release();
  }
}

function planInWords({ stages, epochs, learningRate }: FineTuneRequest, train: number, judges: Judges, isHeld: boolean): string {
  const what = stages === "all" ? "the whole network" : "the last stage and layer";
  const images = isHeld ? `the ${train} training images that are not held back` : `the ${train} training images`;
  const condition =
    judges.count < FEWEST_JUDGES
      ? `it is kept only if the ${judges.words} show beyond chance that it is better than the last layer alone`
      : `it is kept if its loss on the ${judges.words} is lower than that of the last layer alone`;
  return `fine-tuning trains ${what} on ${images}, for ${epochs} ${epochs === 1 ? "epoch" : "epochs"} at a learning rate of up to ${learningRate}, with batch norms at their running averages; ${condition}`;
}
