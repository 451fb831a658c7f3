/** What makes the figures of a run say less than they seem to, as far as its data tell. */
import type { Concern, Remedy } from "../contract/concerns";
import type { DataSource } from "../contract/recipe";
import { type SettingValue, textOfValue } from "../contract/setting";
import { TEST_SHARE } from "../contract/settings";
import { FEWEST_DISCORDANT, smallestDifference } from "../contract/statistics";
import type { Said } from "./said";
import type { Place } from "./same-pictures";

/** A concern before its pictures are read. `place`: of the picture that is shown; null where none can be. */
export type FoundConcern = Omit<Concern, "examples"> & { examples: { names: string[]; place: Place | null }[] };

/** The largest class has so many times the images of the smallest. */
const UNEVEN = 5;
/** A difference that the test images should be able to show, in fractions. */
const WANTED_DIFFERENCE = 0.05;
const WANTED_TEST_IMAGES = FEWEST_DISCORDANT / WANTED_DIFFERENCE;
/** Of a folder without a split; more would leave too few to learn from. */
const LARGEST_TEST_SHARE = 0.5;

/** Turns a setting on. */
export const toSettle = (words: string, key: string, value: SettingValue = true): Concern["remedy"] => ({ words, settings: { [key]: value } });

/** The concern as a setting has settled it; `before`: the value that the setting has without that. */
export function settledBy<C extends Omit<Concern, "examples">>(concern: C, key: string, before: SettingValue): C {
  return { ...concern, type: "note", settled: true, remedy: toSettle("Undo", key, before) };
}

/** For those who tell it in words alone. */
export const saidOf = (concerns: readonly Pick<Concern, "type" | "text">[]): Said[] => concerns.map(({ type, text }) => ({ type, text }));

/** The same where nothing beside the words helps: with the setting that does. */
export const saidWithRemedies = (concerns: readonly FoundConcern[]): Said[] =>
  concerns.map(({ type, text, remedy, settled }) => ({ type, text: remedy && !settled ? `${text} (${remedyInWords(remedy)})` : text }));

/** "to leave out the copies: data.skipCopies=true" */
function remedyInWords({ words, settings }: Remedy): string {
  const assignments = Object.entries(settings).map(([key, value]) => `${key}=${textOfValue(value)}`);
  return `to ${words.charAt(0).toLowerCase()}${words.slice(1)}: ${assignments.join(" ")}`;
}

interface Counts {
  /** By class. */
  train: readonly number[];
  test: number;
}

/** How the images were chosen. */
interface Chosen {
  /** Whether a limit takes one of each class in turn, and so makes classes even. */
  inTurn: boolean;
  /** Whether the test images are a share of all, by `data.testShare`. */
  undivided: boolean;
  settings: Partial<Pick<DataSource, "trainLimit" | "testShare">>;
}

/** Of numbers alone: uneven classes, and fewer test images than a difference needs. */
export function concernsOfCounts(
  classes: readonly string[],
  counts: Counts,
  chosen: Chosen = { inTurn: false, undivided: false, settings: {} },
): FoundConcern[] {
  return [...unevenClasses(classes, counts.train, chosen), ...fewTestImages(counts, chosen)];
}

/** A limit above what there is. */
export function unmetLimits(limits: { trainLimit: number | null; testLimit: number | null }, there: { train: number; test: number }): Said[] {
  const unmet = (key: string, limit: number | null, count: number, what: string): Said[] =>
    limit === null || limit <= count ? [] : [{ type: "note", text: `${key} ${limit} has no effect: there are ${count} ${what} images` }];
  return [...unmet("data.trainLimit", limits.trainLimit, there.train, "training"), ...unmet("data.testLimit", limits.testLimit, there.test, "test")];
}

/** The settings that may leave a class without images. */
type Limits = Partial<Pick<DataSource, "trainLimit" | "labelled" | "validation">>;

/** Classes of which a limit leaves no training image with a label. `train`: how many are left, by class. */
export function unlearnedClasses(classes: readonly string[], train: readonly number[], limits: Limits): Said[] {
  const set = (["trainLimit", "labelled", "validation"] as const).filter((key) => limits[key] != null).map((key) => `data.${key}=${limits[key]}`);
  const without = classes.filter((_, label) => train[label] === 0);
  if (set.length === 0 || without.length === 0) return [];
  const names = without.slice(0, NAMED).map((name) => `"${name}"`);
  const more = without.length > NAMED ? [`${without.length - NAMED} more`] : [];
  const text = `with ${set.join(", ")}, ${without.length} of ${classes.length} classes ${without.length === 1 ? "has" : "have"} no training image: ${[...names, ...more].join(", ")}. No network can learn ${without.length === 1 ? "it" : "them"} from these data, and test images of ${without.length === 1 ? "it" : "them"} count as any other: use more images`;
  return [{ type: "warning", text }];
}

/** Classes that a text names; it says how many more there are. */
const NAMED = 5;

function unevenClasses(classes: readonly string[], train: readonly number[], { inTurn, settings: { trainLimit = null } }: Chosen): FoundConcern[] {
  const of = (wanted: number) => `"${classes[train.indexOf(wanted)]}" has ${wanted}`;
  const [fewest, most] = train.reduce(([low, high], count) => [Math.min(low, count), Math.max(high, count)], [Number.POSITIVE_INFINITY, 0]);
  if (train.length === 0 || most < UNEVEN * fewest) return [];
  const evenLimit = fewest * train.length;
  const text = `the classes are uneven: of the training images, ${of(most)} and ${of(fewest)}, so the accuracy says little of the small classes; look at the recall of each`;
  const count = train.filter((images) => most >= UNEVEN * images).length;
  const concern: FoundConcern = { kind: "uneven-classes", type: "warning", text, count, examples: [], remedy: null, settled: false };
  if (!inTurn || fewest === 0) return [concern];
  if (trainLimit === null || trainLimit > evenLimit) return [{ ...concern, remedy: toSettle(`Take ${fewest} of each class`, "data.trainLimit", evenLimit) }];
  const done = `the classes are uneven, so training takes ${trainLimit} images, one of each class in turn: ${of(most)} and ${of(fewest)}`;
  return [settledBy({ ...concern, text: done }, "data.trainLimit", null)];
}

function fewTestImages({ train, test }: Counts, { undivided, settings: { testShare = TEST_SHARE } }: Chosen): FoundConcern[] {
  const all = train.reduce((sum, count) => sum + count, 0) + test;
  const isFew = (images: number) => smallestDifference(images) > WANTED_DIFFERENCE;
  const concern: FoundConcern = { kind: "few-test-images", type: "warning", text: "", count: test, examples: [], remedy: null, settled: false };
  if (test === 0) return [];
  if (!isFew(test)) {
    if (!undivided || testShare <= TEST_SHARE || !isFew(Math.round(TEST_SHARE * all))) return [];
    const text = `${percent(testShare)} of the images are test images, ${test} of ${all}: enough to show a difference of ${100 * WANTED_DIFFERENCE} points`;
    return [settledBy({ ...concern, text }, "data.testShare", TEST_SHARE)];
  }
  const smallest = smallestDifference(test);
  const what = smallest < 1 ? `a difference below ${(100 * smallest).toFixed(1)} points` : "any difference";
  const text = `${test} test ${test === 1 ? "image" : "images"} cannot show ${what} with one seed: two models have to differ on ${FEWEST_DISCORDANT} of them at least; for ${100 * WANTED_DIFFERENCE} points take ${WANTED_TEST_IMAGES} or more, or several seeds`;
  // A little more than it takes, as each class is divided by itself.
  const share = Math.ceil(20 * ((WANTED_TEST_IMAGES + train.length) / all)) / 20;
  const helps = undivided && share > testShare && share <= LARGEST_TEST_SHARE;
  return [{ ...concern, text, remedy: helps ? toSettle(`Test on ${percent(share)} of the images`, "data.testShare", share) : null }];
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;
