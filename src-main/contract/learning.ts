/** Whether the models of a comparison have learned what there was to learn, in words: where they have not, more seeds would show nothing. */
import type { ComparisonSummary } from "./run";

type Learned = Pick<ComparisonSummary, "control" | "student" | "testImages" | "yardstick">;

/** Of a normal distribution: what is above lies beyond chance with 95 % confidence. */
const BEYOND_CHANCE = 1.645;
/** Of the way from one answer for all images to the teacher. */
const FAR_BELOW = 0.5;
/** Below it, a model has not even learned what it was shown. */
const KNOWS_ITS_IMAGES = 0.8;

/** That neither model is better than one that always names the largest class; null if one is, or if that is not known. */
export function neitherLearnedInWords({ control, student, testImages, yardstick }: Learned): string | null {
  if (!yardstick || !testImages) return null;
  const { oneAnswer } = yardstick;
  const chance = oneAnswer + BEYOND_CHANCE * Math.sqrt((oneAnswer * (1 - oneAnswer)) / testImages);
  if (Math.max(control.testAcc, student.testAcc) > chance) return null;
  const figures = `always naming the largest class would be right on ${percent(oneAnswer)} of the test images, the control is on ${percent(control.testAcc)}, the student on ${percent(student.testAcc)}`;
  return `Neither model has learned the classes beyond chance: ${figures}. More seeds would show nothing: ${remedyOf(Math.max(control.trainAcc, student.trainAcc))}.`;
}

/** That the student has come less than half the way to its teacher, and what would help; null if it has, or if that is not known. */
export function farBelowInWords({ student, yardstick }: Learned): string | null {
  if (yardstick?.teacher == null) return null;
  const { oneAnswer, teacher } = yardstick;
  if (teacher <= oneAnswer || student.testAcc >= oneAnswer + FAR_BELOW * (teacher - oneAnswer)) return null;
  const against = `${percent(student.testAcc)} against ${percent(teacher)} of the test images`;
  return `The student is far below its teacher (${against}). It gets ${percent(student.trainAcc)} of its training images right: ${remedyOf(student.trainAcc)}.`;
}

function remedyOf(trainAcc: number): string {
  return trainAcc < KNOWS_ITS_IMAGES
    ? "train for more epochs, at another learning rate, or with a larger student"
    : "add images, with labels or without, or augment them more; more epochs will not help";
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
