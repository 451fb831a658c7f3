/** Words for a teacher that was made of a backbone with a linear head on it. */
import type { FineTuning, FittedTeacher } from "./engine";

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

/** On which images decay and temperature were chosen, in words. */
export function chosenInWords(found: Pick<FittedTeacher, "images" | "heldBack" | "decay" | "temperature" | "fineTuning">): string {
  const { images, heldBack, decay, temperature, fineTuning } = found;
  if (temperature === null)
    return `The ${images.train} training images are too few to hold any back, so the weight decay is ${decay} by default, and no temperature was fitted.`;
  const all = fineTuning?.kept ? "" : `; the last layer was then fitted to all ${images.train}`;
  const on = heldBack ? `${images.validation} training images that were held back${all}` : `the ${images.validation} validation images`;
  return `The weight decay of ${decay} and the temperature of ${temperature.toFixed(2)} were chosen on ${on}.`;
}

/** Whether fine-tuning helped, in words. */
export function fineTuningInWords({ stages, epochs, learningRate, kept, fineTuned }: FineTuning, { images, heldBack }: FittedTeacher): string {
  const what = `${stages === "all" ? "The whole network was" : "The last stage and layer were"} trained on for ${epochs} ${epochs === 1 ? "epoch" : "epochs"} at a learning rate of up to ${learningRate}`;
  if (!fineTuned) return `${what}, but the loss diverged: the last layer alone is kept.`;
  const judges = `the ${images.validation} ${heldBack ? "held back" : "validation"} images, from which neither learned`;
  const rest = kept && heldBack ? ` It has learned from the ${images.train - images.validation} others alone.` : "";
  return `${what}. ${kept ? "That is kept: its" : "The last layer alone is kept: the fine-tuned network's"} loss on ${judges}, is ${kept ? "lower" : "not lower"}, each at its temperature.${rest}`;
}
