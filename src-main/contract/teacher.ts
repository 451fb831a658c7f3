/** Words for a teacher that was made of a backbone with a linear head on it. */
import type { FittedTeacher } from "./engine";

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
export function chosenInWords({ images, heldBack, decay, temperature }: Pick<FittedTeacher, "images" | "heldBack" | "decay" | "temperature">): string {
  if (temperature === null)
    return `The ${images.train} training images are too few to hold any back, so the weight decay is ${decay} by default, and no temperature was fitted.`;
  const on = heldBack
    ? `${images.validation} training images that were held back; the last layer was then fitted to all ${images.train}`
    : `the ${images.validation} validation images`;
  return `The weight decay of ${decay} and the temperature of ${temperature.toFixed(2)} were chosen on ${on}.`;
}
