/** The teachers of a run: loaded, found usable, and what is said of them. */
import { mostLikely } from "../contract/classification";
import type { Methods } from "../contract/engine";
import { InputError } from "../contract/failure";
import { imageSizeOf } from "../contract/families";
import type { Normalization } from "../contract/normalization";
import type { Precision, TeacherChoice } from "../contract/recipe";
import { type SeenImages, seenInWords } from "../contract/seen";
import type { Dataset } from "../data/dataset";
import { testFingerprints } from "../data/test-fingerprints";
import { describeWeights, type WeightsDescription } from "../models/weights";
import { allOrNone } from "../tensor/tensor";
import { modelOf } from "../training/backbone";
import { fittedTo, matchClasses, rowsOf } from "../training/classes";
import type { Evaluation } from "../training/evaluate";
import { expectNumbers } from "../training/expect-numbers";
import { type GivenNormalization, loadNetwork, type TrainedNetwork, weightsPath } from "../training/network";
import { withoutAsking } from "./hub";
import { seenAmong, seenImages } from "./origins";
import type { PlacedArm } from "./resumption";

/** The teacher of the arms that distill; null if none does. */
export function loadTeacher(arms: readonly PlacedArm[], data: Dataset, begun: Normalization | null): TrainedNetwork | null {
  const recipe = arms.map((arm) => arm.recipe).find(({ distillation }) => distillation);
  if (!recipe) return null;
  return loadUsable({ ...recipe.teacher!, ...begun }, data, recipe.train.precision);
}

/** The teachers besides the first, of the arms that distill. */
export function loadOtherTeachers(arms: readonly PlacedArm[], data: Dataset): { network: TrainedNetwork; weight: number }[] {
  const recipe = arms.map((arm) => arm.recipe).find(({ distillation }) => distillation);
  return allOrNone(() => (recipe?.teacher?.others ?? []).map((other) => ({ network: loadUsable(other, data, recipe!.train.precision), weight: other.weight })));
}

/** What `checkTeacher` of the contract promises, without what a look at the data says. No `classes`: only what the file is of is asked. */
export function checkTeacher({ model: given, weights, classes }: Methods["checkTeacher"]["params"]): Omit<Methods["checkTeacher"]["result"], "warnings"> {
  const file = withoutAsking(weights);
  const model = given ?? modelOf(file, weights).model;
  const about = describeWeights(weightsPath({ model, weights: file }), model);
  const found = { model, imageSize: about.imageSize ?? imageSizeOf(model) };
  if (classes.length === 0) return { ...found, problem: null, known: null };
  const rows = about.classes && rowsOf(about.classes, classes);
  const known = rows && { count: about.classes!.length, lacks: classes.filter((_, label) => rows[label] === -1) };
  return { ...found, problem: problemOf(weights, about, classes), known };
}

/** That a teacher knows test images of the data, in words; of many images a part is looked at. Nothing where the data cannot be read, which others tell. */
export async function knownTestImages({ model: given, weights, data }: Methods["checkTeacher"]["params"]): Promise<string[]> {
  const file = withoutAsking(weights);
  const model = given ?? modelOf(file, weights).model;
  const { origin } = describeWeights(weightsPath({ model, weights: file }), model);
  if (!origin || !data) return [];
  try {
    return seenInWords("the teacher", { test: seenAmong(origin, await testFingerprints(data), null) }, true);
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}

function problemOf(weights: string, { classCount: count, classes: names, firstNames }: WeightsDescription, classes: readonly string[]): string | null {
  const owner = `the teacher (${weights})`;
  if (count === null) return `${owner} has no last layer, so it names no classes; its tensors are called ${firstNames.join(", ")} and so on`;
  try {
    matchClasses(owner, { count, names }, classes);
    return null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** A teacher that answers with numbers for the data's classes. */
function loadUsable(choice: Omit<TeacherChoice, "mean" | "std"> & GivenNormalization, data: Dataset, precision: Precision): TrainedNetwork {
  let teacher = loadNetwork(choice);
  try {
    teacher = fittedTo(teacher, data.classes, `the teacher (${choice.weights})`);
    expectNumbers(teacher, data, choice.weights, precision);
    return teacher;
  } catch (error) {
    teacher.model.release();
    throw error;
  }
}

/** What each has seen of the images before; none of a run without a teacher. `test`: what the first answered, if it was asked. */
export async function seenByTeachers(
  first: TrainedNetwork | null,
  others: readonly { network: TrainedNetwork }[],
  data: Dataset,
  test: Evaluation | null,
  signal: AbortSignal,
): Promise<(SeenImages | null)[]> {
  const answers = test?.probabilities;
  const K = data.classes.length;
  const isRight = answers ? (n: number) => mostLikely(answers.subarray(n * K, (n + 1) * K)) === data.test.labels[n] : null;
  const seen: (SeenImages | null)[] = [];
  for (const teacher of first ? [first, ...others.map(({ network }) => network)] : [])
    seen.push(teacher.origin && (await seenImages(teacher.origin, data, teacher === first ? isRight : null, signal)));
  return seen;
}

/** What is not obvious of several teachers. */
export function otherTeachersNote(arms: readonly PlacedArm[]): string {
  const { model, others } = arms.map(({ recipe }) => recipe.teacher).find((teacher) => teacher?.others)!;
  return `the student learns from ${1 + others!.length} teachers, by the weighted mean of their logits; the accuracy that is given for the teacher is that of the first, ${model}`;
}

/** Soft labels of images at an unfamiliar size can be nearly uniform, and nothing else would show it. */
export function sizeWarning({ model, trainedAt }: TrainedNetwork): string | null {
  if (trainedAt === null || trainedAt === model.imageSize) return null;
  return `the teacher was trained on images of ${trainedAt} px and sees images of ${model.imageSize} px here; its soft labels may be nearly uniform: set teacher.imageSize to ${trainedAt}`;
}
