/** The last layer of a teacher. */
import type { Dataset } from "../../data/dataset";
import { without } from "../../data/division";
import type { Head } from "../../training/backbone";
import { type ChosenHead, chooseHead, type FitOptions, fitHead, type LabelledFeatures, logitsOf } from "../../training/head-fit";
import type { SplitFeatures, View } from "../../training/pooled-features";
import type { Plan } from "./features";
import { type Answers, temperatureOf } from "./judgement";
import type { Notify } from "./notices";

export interface Fitted extends Pick<ChosenHead, "decay" | "trials">, Answers {
  /** Fitted to all training images. */
  head: Head;
  /** Fitted to those that are not held back: the same where none are. */
  firstHead: Head;
  /** Labels of the images that choose. */
  validationLabels: Int32Array | null;
}

/** Chooses the weight decay, fits the head with it, and the temperature. */
export async function fitLastLayer(
  features: SplitFeatures,
  data: Dataset,
  { views, held }: Plan,
  width: number,
  yieldPoint: () => Promise<void>,
  notify: Notify,
): Promise<Fitted> {
  const { train, validation, test, classes } = data;
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
  const { decay, trials, validationLogits } = chosen;
  const head = held ? await fitHead(rowsOf(all, views), decay, options) : chosen.head;
  const temperature = judges && temperatureOf(validationLogits!, judges.labels, classes.length, "the last layer", notify);
  const testLogits = logitsOf(head, { values: features.test, labels: test.labels, width });
  const answers = { validation: validationLogits, temperature, test: testLogits };
  return { head, firstHead: chosen.head, decay, trials, ...answers, validationLabels: judges?.labels ?? null };
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
