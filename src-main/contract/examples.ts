/** A few test images whose probabilities a run keeps after every epoch: what its networks learn, picture by picture. */

/** At most so many. */
export const EXAMPLES = 8;

/** How they are chosen, in words: before anything is trained, so that nobody picks those that look well. */
export const EXAMPLES_RULE =
  "The first test image of each class, in the order of the classes, then the second of each, up to eight. The data alone decide it, before anything is trained, so all arms, epochs and seeds show the same images.";

/** What does not change while a run is trained. */
export interface RunExamples {
  /** [K] */
  classes: string[];
  /** [N]; none where the run keeps no probabilities of single images, or none yet. `label`: index of the true class. */
  images: { name: string; label: number }[];
  /** [N], PNG, as the student sees each before normalisation; none in runs of earlier versions. */
  pictures: Uint8Array[];
  /** [N,K], the teacher's probabilities at temperature 1; null without a teacher, and where they were not kept. */
  teacher: Float64Array | null;
}

/** Of one arm: its probabilities at temperature 1 after each epoch. */
export interface ExampleAnswers {
  /** [E], ascending. */
  epochs: number[];
  /** [E,N,K] */
  probabilities: Float64Array;
}
