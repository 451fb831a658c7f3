/** Words for a teacher that was made of a backbone with a linear head on it. */
import type { FineTuning, FittedTeacher } from "./fitted-teacher";
import { FEWEST_DISCORDANT, mcNemar } from "./statistics";

/** Bytes of a teacher's answers that are kept: the logits of 2 million views of 10 classes, or 60,000 views with a map of 4x4x64. */
export const ANSWER_CACHE_BYTES = 256 * 2 ** 20;

/** A pair of classes that the teacher confuses. */
export interface Confusion {
  label: number;
  predicted: number;
  images: number;
}

/** The most frequent confusions, the most frequent first; confusion: [K][K] counts, rows are true classes. */
export function mostConfused(confusion: readonly (readonly number[])[], most: number): Confusion[] {
  const cells = confusion.flatMap((row, label) => row.map((images, predicted) => ({ label, predicted, images })));
  return cells
    .filter(({ label, predicted, images }) => label !== predicted && images > 0)
    .sort((a, b) => b.images - a.images)
    .slice(0, most);
}

/**
 * With fewer images that choose, the share of right answers among them may be 10 points off (95 %, at 80 % right). No temperature is fitted to fewer, and
 * fine-tuning has to be better beyond chance.
 */
export const FEWEST_JUDGES = 60;

/** Nor where fewer of them are wrong: how sure the teacher may be is told by its errors, and one of 60 would make it as sure as it can be. */
export const FEWEST_WRONG = 6;

/** So many times as many training images are there before that many of them are held back, unless more are asked for. */
export const TRAINING_PER_JUDGE = 4;

/** What to do for more of them. `heldBack`: whether they are training images. */
export function moreJudgesInWords(train: number, heldBack: boolean): string {
  if (!heldBack) return "add some to the validation images that the data have";
  const enough = TRAINING_PER_JUDGE * FEWEST_JUDGES;
  return train >= 2 * FEWEST_JUDGES
    ? `data.validation=${FEWEST_JUDGES} holds back as many`
    : `take more pictures: of ${enough} training images ${FEWEST_JUDGES} are held back, and here are ${train}`;
}

type Chosen = Pick<FittedTeacher, "images" | "heldBack" | "decay" | "temperature" | "validation" | "fineTuning">;

/** On which images decay and temperature were chosen, in words. */
export function chosenInWords(found: Chosen): string {
  const { images, heldBack, decay, temperature, validation, fineTuning } = found;
  if (validation === null)
    return `The ${images.train} training images are too few to hold any back, so the weight decay is ${decay} by default, and no temperature was fitted.`;
  const all = fineTuning?.kept ? "" : `; the last layer was then fitted to all ${images.train}`;
  const on = heldBack ? `${images.validation} training images that were held back${all}` : `the ${images.validation} validation images`;
  if (temperature !== null) return `The weight decay of ${decay} and the temperature of ${temperature.toFixed(2)} were chosen on ${on}.`;
  return `The weight decay of ${decay} was chosen on ${on}. No temperature is stored: ${whyNone(images.validation, validation.accuracy)}.`;
}

function whyNone(judges: number, accuracy: number): string {
  if (judges < FEWEST_JUDGES) return `it takes ${FEWEST_JUDGES} such images to choose one`;
  const wrong = Math.round(judges * (1 - accuracy));
  return wrong < FEWEST_WRONG ? fewWrongInWords(judges, wrong) : "none in the range that is tried is best on these images";
}

/** Why no temperature is fitted to so many images. */
export function fewWrongInWords(judges: number, wrong: number): string {
  const are = wrong === 0 ? "none is" : wrong === 1 ? "only 1 is" : `only ${wrong} are`;
  return `of these ${judges} images ${are} classified wrongly, and it takes ${FEWEST_WRONG} wrong answers to tell how sure the teacher may be`;
}

/** That a teacher is no better than one that always gives the same answer; null if it is. */
export function noBetterInWords({ test: { confusion }, classes }: Pick<FittedTeacher, "test" | "classes">): string | null {
  const counts = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const right = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  const [largest, all] = [Math.max(...counts), counts.reduce((sum, count) => sum + count, 0)];
  if (all === 0 || right > largest) return null;
  const share = ((100 * largest) / all).toFixed(1);
  return `That is no better than always answering "${classes[counts.indexOf(largest)]}", which is right on ${share} % of the test images.`;
}

/** Whether fine-tuning helped, in words. */
export function fineTuningInWords(tuned: FineTuning, { images, heldBack }: Pick<FittedTeacher, "images" | "heldBack">): string {
  const { stages, epochs, learningRate, kept, decision } = tuned;
  const judges = `${images.validation} ${heldBack ? "held back" : "validation"} images`;
  if (decision === "undecidable") return `The network was not fine-tuned: ${undecidableInWords(judges, images.train, heldBack)}.`;
  const what = `${stages === "all" ? "The whole network was" : "The last stage and layer were"} trained on for ${epochs} ${epochs === 1 ? "epoch" : "epochs"} at a learning rate of up to ${learningRate}`;
  if (decision === "diverged") return `${what}, but the loss diverged: the last layer alone is kept.`;
  const rest = kept && heldBack ? ` It has learned from the ${images.train - images.validation} others alone.` : "";
  return `${what}. ${kept ? "That is kept" : "The last layer alone is kept"}: ${reasonInWords(tuned, judges)}.${rest}`;
}

/** Whether two candidates are compared at their temperatures: one with and one without would not be compared alike. */
export const haveTemperatures = (...candidates: readonly { temperature: number | null }[]): boolean =>
  candidates.every(({ temperature }) => temperature !== null);

function reasonInWords({ kept, decision, discordant, fineTuned: tuned, lastLayer: alone }: FineTuning, judges: string): string {
  if (decision === "lower loss" || decision === "not lower loss") {
    const at = haveTemperatures(alone, tuned!) ? ", each at its temperature" : "";
    return `${kept ? "its" : "the fine-tuned network's"} loss on the ${judges}, from which neither learned, is ${kept ? "lower" : "not lower"}${at}`;
  }
  const { fineTuned, lastLayer } = discordant!;
  const only = `of the ${judges}, from which neither learned, only the fine-tuned network is right on ${fineTuned}, and only the last layer alone on ${lastLayer}`;
  const p = mcNemar(lastLayer, fineTuned);
  return `${only}, which is ${kept ? "beyond what chance does" : "no more than chance does, or worse"} (McNemar's exact test, p = ${p.toFixed(p < 0.1 ? 3 : 2)})`;
}

/** Why a network is not even trained on. */
export const undecidableInWords = (judges: string, train: number, heldBack: boolean): string =>
  `of the ${judges} the last layer alone gets fewer than ${FEWEST_DISCORDANT} wrong, too few to show beyond chance that another network is better. With ${FEWEST_JUDGES} the loss decides: ${moreJudgesInWords(train, heldBack)}`;
