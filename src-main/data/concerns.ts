/** What makes the figures of a run say less than they seem to, as far as its data tell. */
import { FEWEST_DISCORDANT, smallestDifference } from "../contract/statistics";
import type { Said } from "./said";

/** The largest class has so many times the images of the smallest. */
const UNEVEN = 5;
/** A difference that the test images should be able to show, in fractions. */
const WANTED_DIFFERENCE = 0.05;

interface Counts {
  /** By class. */
  train: readonly number[];
  test: number;
}

/** Of numbers alone: uneven classes, and fewer test images than a difference needs. */
export function concernsOfCounts(classes: readonly string[], { train, test }: Counts): Said[] {
  return [...unevenClasses(classes, train), ...fewTestImages(test)];
}

/** A limit above what there is. */
export function unmetLimits(limits: { trainLimit: number | null; testLimit: number | null }, there: { train: number; test: number }): Said[] {
  const unmet = (key: string, limit: number | null, count: number, what: string): Said[] =>
    limit === null || limit <= count ? [] : [{ type: "note", text: `${key} ${limit} has no effect: there are ${count} ${what} images` }];
  return [...unmet("data.trainLimit", limits.trainLimit, there.train, "training"), ...unmet("data.testLimit", limits.testLimit, there.test, "test")];
}

function unevenClasses(classes: readonly string[], train: readonly number[]): Said[] {
  const of = (wanted: number) => `"${classes[train.indexOf(wanted)]}" has ${wanted}`;
  const [fewest, most] = train.reduce(([low, high], count) => [Math.min(low, count), Math.max(high, count)], [Number.POSITIVE_INFINITY, 0]);
  if (train.length === 0 || most < UNEVEN * fewest) return [];
  const text = `the classes are uneven: of the training images, ${of(most)} and ${of(fewest)}, so the accuracy says little of the small classes; look at the recall of each`;
  return [{ type: "warning", text }];
}

function fewTestImages(test: number): Said[] {
  const smallest = smallestDifference(test);
  if (test === 0 || smallest <= WANTED_DIFFERENCE) return [];
  const [what, needed] = [smallest < 1 ? `a difference below ${(100 * smallest).toFixed(1)} points` : "any difference", FEWEST_DISCORDANT / WANTED_DIFFERENCE];
  const text = `${test} test ${test === 1 ? "image" : "images"} cannot show ${what} with one seed: two models have to differ on ${FEWEST_DISCORDANT} of them at least; for ${100 * WANTED_DIFFERENCE} points take ${needed} or more, or several seeds`;
  return [{ type: "warning", text }];
}
