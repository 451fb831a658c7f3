import { CIFAR10_NORMALIZATION, type Normalization, normalizationInWords } from "../contract/normalization";
import type { StudentChoice } from "../contract/recipe";
import type { Dataset } from "../data/dataset";
import { measureNormalization, publishedNormalization } from "../data/normalization";
import type { EarlierRun } from "./resumption";

export interface ChosenNormalization {
  /** null leaves it to the recipe, or to the weights if the recipe is silent. */
  student: Normalization | null;
  teacher: Normalization | null;
  /** The decision, in words for the user. */
  note: string | null;
}

/**
 * How the networks of a call see their images. A resumed run keeps its normalisation. A fresh student uses the recipe's, otherwise the one
 * published for the data, otherwise the one measured on the training images.
 */
export async function chooseNormalization(student: StudentChoice, data: Dataset, earlier: readonly (EarlierRun | null)[]): Promise<ChosenNormalization> {
  const begun = earlier.filter((run) => run !== null);
  const recorded = begun.flatMap(({ normalization }) => normalization ?? []);
  if (recorded.length > 0) return { student: recorded[0]!.student, teacher: recorded.find(({ teacher }) => teacher)?.teacher ?? null, note: null };
  if (student.weights || student.mean) return { student: null, teacher: null, note: null };
  const published = publishedNormalization(data);
  if (published) return { student: published, teacher: null, note: null };
  return { ...(begun.length > 0 ? ofEarlierVersion() : await ownOf(data)), teacher: null };
}

/** Earlier versions used CIFAR-10's on any data, and recorded nothing. */
function ofEarlierVersion(): Omit<ChosenNormalization, "teacher"> {
  const note = "an earlier version began this run with CIFAR-10's mean and deviation, so it continues with them; a new run uses the data's own";
  return { student: CIFAR10_NORMALIZATION, note };
}

async function ownOf({ train }: Dataset): Promise<Omit<ChosenNormalization, "teacher">> {
  const { images, ...student } = await measureNormalization(train);
  const over = images === train.count ? `its ${images} training images` : `${images} of its ${train.count} training images`;
  return {
    student,
    note: `the student's images are normalised with this data's own ${normalizationInWords(student)}, measured over ${over}`,
  };
}
