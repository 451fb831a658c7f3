/** Which images and views a head is fitted to and chosen by, and their features. */
import { InputError } from "../../contract/failure";
import { FEWEST_JUDGES, TRAINING_PER_JUDGE } from "../../contract/teacher";
import type { Dataset } from "../../data/dataset";
import { heldBack } from "../../data/division";
import { gigabytes } from "../../data/memory";
import { memory } from "../../machine/memory";
import type { Backbone } from "../../training/backbone";
import { DEFAULT_DECAY } from "../../training/head-fit";
import { featuresOf, type SplitFeatures, type View } from "../../training/pooled-features";
import { type Notify, TOLD_EVERY_MS } from "./notices";

/** What is computed of a data set, and by which of its images is chosen. */
export interface Plan {
  /** Of the training images. */
  views: View[];
  /** Training images to hold back and choose by; null where the data have validation images of their own, or too few for any. */
  held: Int32Array | null;
}

/** Decides, and says so. Throws an InputError if the features do not fit into memory. */
export function planOf(data: Dataset, backbone: Backbone, notify: Notify): Plan {
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
    return `${held} of the ${train} training images, the same share of each class, are held back: ${whatIsChosen(held)} on them; then the last layer is fitted to all`;
  return `${train} training images are too few to hold any back, so the weight decay is ${DEFAULT_DECAY}, and no temperature is fitted`;
}

const whatIsChosen = (judges: number) => (judges < FEWEST_JUDGES ? "the weight decay is chosen" : "weight decay and temperature are chosen");

const HELD_SHARE = 0.1;
const MOST_HELD = 5000;

/** A tenth of the images, but two of each class, and as many as it takes to choose well; never more than a quarter. Null where that leaves too few. */
function heldCount(count: number, classes: number): number | null {
  const least = Math.max(2 * classes, Math.min(MOST_HELD, Math.round(HELD_SHARE * count)));
  return [Math.max(least, FEWEST_JUDGES), least].find((wanted) => TRAINING_PER_JUDGE * wanted <= count) ?? null;
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

export async function computeFeatures(
  backbone: Backbone,
  data: Dataset,
  views: View[],
  yieldPoint: () => Promise<void>,
  signal: AbortSignal,
  notify: Notify,
): Promise<SplitFeatures> {
  const began = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  const features = await featuresOf(backbone, data, {
    views,
    yieldPoint,
    signal,
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
