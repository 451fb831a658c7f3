/** Which of the images that test and teach have taught a network before, in figures and in words. */

import type { Recipe } from "./recipe";
import { teachersOf } from "./recipe-values";

/** What a network has seen of a data set, by the fingerprints in its weights. */
export interface SeenImages {
  /** Different images that it was fitted to. */
  fitted: number;
  test: SeenTestImages;
  /** Of the control's images with labels; null where they differ from comparison to comparison, and where nothing is trained. */
  labelled: SeenLabelledImages | null;
}

export interface SeenTestImages {
  count: number;
  /** Those that it was fitted to. */
  fitted: number;
  /** Others that chose what is chosen: weight decay, temperature, epoch. */
  chosen: number;
  /** On those that it was fitted to; null if it was not measured. */
  accuracy: number | null;
}

export interface SeenLabelledImages {
  count: number;
  /** Those that the network was fitted to. */
  fitted: number;
  /** How many different ones these are. */
  distinct: number;
}

const number = (count: number): string => count.toLocaleString("en");

/** That a network knows test images, a sentence for each way in which it does. `whose`: "the teacher". `teaches`: whether others learn from it. */
export function seenInWords(whose: string, { test }: Pick<SeenImages, "test">, teaches: boolean): string[] {
  const of = (count: number) => `${number(count)} of these ${number(test.count)} test ${test.count === 1 ? "image" : "images"}`;
  const accuracy = test.accuracy === null ? "" : `, ${(100 * test.accuracy).toFixed(1)} %,`;
  const more = teaches ? ", and its student may look better than it is" : "";
  return [
    ...(test.fitted > 0 ? [`${whose} was fitted to ${of(test.fitted)}: its accuracy on them${accuracy} says nothing of how good it is${more}`] : []),
    ...(test.chosen > 0 ? [`${whose} was chosen by ${of(test.chosen)}, so its accuracy on them may be too high`] : []),
  ];
}

/** The same of a recipe's teachers, in their order. */
export function seenByTeachersInWords({ teacher }: Pick<Recipe, "teacher">, seen: readonly (SeenImages | null)[]): string[] {
  return seen.flatMap((each, i) =>
    each ? seenInWords(seen.length === 1 ? "the teacher" : `the teacher ${teachersOf({ teacher })[i]!.model}`, each, true) : [],
  );
}

/** From what a teacher had learned before, after "The teacher": "was fitted to the same 5,000 labels that the control has". */
export function fittedInWords({ fitted, labelled }: SeenImages): string {
  const labels = (count: number) => `${number(count)} ${count === 1 ? "label" : "labels"}`;
  if (!labelled) return `was fitted to ${labels(fitted)}`;
  const more = fitted - labelled.distinct;
  if (labelled.fitted === 0) return `was fitted to ${labels(fitted)}, none of them among the ${number(labelled.count)} that the control has`;
  const shared =
    labelled.fitted === labelled.count
      ? `the same ${labels(labelled.count)} that the control has`
      : `${number(labelled.fitted)} of the ${labels(labelled.count)} that the control has`;
  return `was fitted to ${shared}${more > 0 ? `, and to ${number(more)} more` : ""}`;
}

/** What is the same in comparisons with one teacher. */
export function seenInAll(all: readonly (readonly (SeenImages | null)[])[]): (SeenImages | null)[] {
  const [first = []] = all;
  return first.map((seen, teacher) => {
    const isSame = all.every((other) => JSON.stringify(other[teacher]?.labelled) === JSON.stringify(seen?.labelled));
    return seen && (isSame ? seen : { ...seen, labelled: null });
  });
}
