import { CIFAR10_NORMALIZATION, type Normalization, normalizationInWords } from "../contract/normalization";
import type { StudentChoice } from "../contract/recipe";
import type { Dataset } from "../data/dataset";
import { measureNormalization, publishedNormalization } from "../data/normalization";
import type { EarlierRun } from "./arm-run";

export interface ChosenNormalization {
  /** null leaves it to the recipe, and to the weights where that says nothing. */
  student: Normalization | null;
  teacher: Normalization | null;
  /** What was decided, in words for the user. */
  note: string | null;
}

/**
 * How the networks of a call are to see their images: as the run did that it goes on with. A student that starts fresh takes what the recipe
 * says, else what was published of the data, else what is measured on the training images.
 */
export function chooseNormalization(student: StudentChoice, data: Dataset, earlier: readonly (EarlierRun | null)[]): ChosenNormalization {
  const begun = earlier.filter((run) => run !== null);
  const recorded = begun.flatMap(({ normalization }) => normalization ?? []);
  if (recorded.length > 0) return { student: recorded[0]!.student, teacher: recorded.find(({ teacher }) => teacher)?.teacher ?? null, note: null };
  if (student.weights || student.mean) return { student: null, teacher: null, note: null };
  const published = publishedNormalization(data);
  if (published) return { student: published, teacher: null, note: null };
  return { ...(begun.length > 0 ? ofEarlierVersion() : ownOf(data)), teacher: null };
}

/** Earlier versions took CIFAR-10's on any data, and recorded nothing. */
function ofEarlierVersion(): Omit<ChosenNormalization, "teacher"> {
  const note = "an earlier version began this run with CIFAR-10's mean and deviation, and it goes on with them; a new run takes the data's own";
  return { student: CIFAR10_NORMALIZATION, note };
}

function ownOf({ train }: Dataset): Omit<ChosenNormalization, "teacher"> {
  const student = measureNormalization(train);
  return {
    student,
    note: `the student's images are normalised with this data's own ${normalizationInWords(student)}, measured over its ${train.count} training images`,
  };
}
