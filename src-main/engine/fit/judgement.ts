/** What the images that choose can tell, by how many they are. */
import type { Calibrated, Candidate, FineTuning } from "../../contract/fitted-teacher";
import { FEWEST_DISCORDANT, mcNemar } from "../../contract/statistics";
import { FEWEST_JUDGES, FEWEST_WRONG, fewWrongInWords, haveTemperatures, moreJudgesInWords } from "../../contract/teacher";
import type { Dataset } from "../../data/dataset";
import { accuracyOf, calibrationOf, crossEntropy, fitTemperature, judged, TEMPERATURES } from "../../training/head-fit";
import type { Plan } from "./features";
import type { Notify } from "./notices";

/** Logits of what is a teacher, or may become one. */
export interface Answers {
  /** [V,K], of the images that choose, by a network that has not learned from them; null without any. */
  validation: Float32Array | null;
  /** Fitted to these; null where they are too few, or where none is best. */
  temperature: number | null;
  /** [N,K] */
  test: Float32Array;
}

/** The images that choose: how many, and what they are called. */
export interface Judges {
  count: number;
  words: string;
}

/** Null without any. */
export function judgesOf({ validation }: Dataset, { held }: Plan): Judges | null {
  const count = held?.length ?? validation?.count ?? null;
  return count === null ? null : { count, words: `${count} ${held ? "held back" : "validation"} images` };
}

/** Says so where few images choose. */
export function warnOfFewJudges(data: Dataset, plan: Plan, notify: Notify): void {
  const judges = judgesOf(data, plan);
  if (judges === null || judges.count >= FEWEST_JUDGES) return;
  notify({
    type: "warning",
    text: `${judges.words} choose the weight decay: too few to choose it well, and no temperature is fitted to fewer than ${FEWEST_JUDGES}. For more, ${moreJudgesInWords(data.train.count, plan.held !== null)}`,
  });
}

/**
 * Of the images that choose; null where they, or the wrong answers among them, are too few, or where it would lie at a bound, which is said: there it would
 * promise what nothing showed.
 */
export function temperatureOf(logits: Float32Array, labels: Int32Array, classes: number, whose: string, notify: Notify): number | null {
  if (labels.length < FEWEST_JUDGES) return null;
  const right = rightOn(logits, labels, classes).filter(Boolean).length;
  const wrong = labels.length - right;
  if (wrong < FEWEST_WRONG) {
    notify({ type: "note", text: `no temperature is fitted to ${whose}: ${fewWrongInWords(labels.length, wrong)}` });
    return null;
  }
  const temperature = fitTemperature(logits, labels, classes);
  if (!TEMPERATURES.includes(temperature)) return temperature;
  const [low, high] = TEMPERATURES;
  notify({
    type: "warning",
    text: `no temperature between ${low} and ${high} is best for ${whose} on the ${labels.length} images that choose (${right} are classified correctly): the fit ended at ${temperature}, so none is stored`,
  });
  return null;
}

/** Of answers with images that choose. */
export function candidateOf({ validation, temperature, test }: Answers, validationLabels: Int32Array, testLabels: Int32Array, classes: number): Candidate {
  return {
    temperature,
    validation: {
      accuracy: accuracyOf(validation!, validationLabels, classes),
      ...calibratedOf(validation!, validationLabels, classes, 1),
      calibrated: temperature === null ? null : calibratedOf(validation!, validationLabels, classes, temperature),
    },
    testAccuracy: accuracyOf(test, testLabels, classes),
  };
}

export function calibratedOf(logits: Float32Array, labels: Int32Array, classes: number, temperature: number): Calibrated {
  return { loss: crossEntropy(logits, labels, classes, temperature), calibrationError: calibrationOf(logits, labels, classes, temperature).error };
}

// ---- Whether fine-tuning helped ---------------------------------------------------------------------------------------------------

/** Number of images that choose which only one of two networks classifies correctly. */
type Discordant = NonNullable<FineTuning["discordant"]>;

/** Whether so few images choose that a lower loss on them may be chance, and fine-tuning has to be better beyond it. */
const hasToBeShown = (judges: number) => judges < FEWEST_JUDGES;

/** Whether images that choose could show that fine-tuning helps: few can do so only by those that the last layer gets wrong. */
export function couldBeShown(logits: Float32Array, labels: Int32Array, classes: number): boolean {
  return !hasToBeShown(labels.length) || rightOn(logits, labels, classes).filter((isRight) => !isRight).length >= FEWEST_DISCORDANT;
}

/** Of two candidates for a teacher, by the images that choose, from which neither has learned: many by the loss, few by McNemar's exact test. */
export function decide(lastLayer: Answers, fineTuned: Answers, labels: Int32Array, classes: number): Pick<FineTuning, "decision" | "discordant"> {
  const discordant = discordantOf(lastLayer.validation!, fineTuned.validation!, labels, classes);
  if (hasToBeShown(labels.length)) return { decision: isBeyondChance(discordant) ? "beyond chance" : "within chance", discordant };
  const calibrated = haveTemperatures(lastLayer, fineTuned);
  const loss = ({ validation, temperature }: Answers) => crossEntropy(validation!, labels, classes, calibrated ? temperature! : 1);
  return { decision: loss(fineTuned) < loss(lastLayer) ? "lower loss" : "not lower loss", discordant };
}

const SIGNIFICANCE = 0.05;

const isBeyondChance = ({ lastLayer, fineTuned }: Discordant) => fineTuned > lastLayer && mcNemar(lastLayer, fineTuned) < SIGNIFICANCE;

function discordantOf(lastLayer: Float32Array, fineTuned: Float32Array, labels: Int32Array, classes: number): Discordant {
  const [first, second] = [lastLayer, fineTuned].map((logits) => rightOn(logits, labels, classes)) as [boolean[], boolean[]];
  return { lastLayer: first.filter((isRight, n) => isRight && !second[n]).length, fineTuned: second.filter((isRight, n) => isRight && !first[n]).length };
}

const rightOn = (logits: Float32Array, labels: Int32Array, classes: number): boolean[] => judged(logits, labels, classes).map(({ rank }) => rank === 0);
