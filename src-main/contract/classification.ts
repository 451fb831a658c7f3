/** How good class probabilities are: by the true classes, and by another network's. Pure functions for the engine, reports and the app. */
import { mean } from "./statistics";

/** One image's answer, as far as the true class judges it. */
export interface Judged {
  /** True class. */
  label: number;
  /** The most likely class, the first among equals. */
  predicted: number;
  /** Its probability. */
  confidence: number;
  /** Number of classes that come before the true one: 0 if the answer is right. */
  rank: number;
}

/** `probabilities`: one for each class. */
export function judge(label: number, probabilities: ArrayLike<number>): Judged {
  const predicted = mostLikely(probabilities);
  const own = probabilities[label]!;
  let rank = 0;
  for (let k = 0; k < probabilities.length; k++) if (probabilities[k]! > own || (probabilities[k]! === own && k < label)) rank++;
  return { label, predicted, confidence: probabilities[predicted]!, rank };
}

/** Of probabilities or logits: the class with the largest, the first among equals. */
export function mostLikely(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < probabilities.length; k++) if (probabilities[k]! > probabilities[best]!) best = k;
  return best;
}

/** Share of images whose true class is among the k most likely ones. */
export const topK = (answers: readonly Judged[], k: number): number => mean(answers.map(({ rank }) => (rank < k ? 1 : 0)));

/** [K][K] counts: rows are true classes, columns predicted ones. */
export function confusionMatrix(answers: readonly Judged[], classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const { label, predicted } of answers) counts[label]![predicted]!++;
  return counts;
}

export interface ClassFigures {
  /** Images of the class. */
  count: number;
  /** Share of the images given this class that are of it; null if none was given it. */
  precision: number | null;
  /** Share of the class's images that were given it; null if there are none. */
  recall: number | null;
}

export function classFigures(confusion: readonly (readonly number[])[]): ClassFigures[] {
  return confusion.map((row, label) => {
    const correct = row[label]!;
    const count = row.reduce((sum, each) => sum + each, 0);
    const given = confusion.reduce((sum, each) => sum + each[label]!, 0);
    return { count, precision: given === 0 ? null : correct / given, recall: count === 0 ? null : correct / count };
  });
}

/** Answers whose confidence lies in (low, high]. */
export interface ReliabilityBin {
  low: number;
  high: number;
  count: number;
  /** Mean confidence and share of right answers; null where there are none. */
  confidence: number | null;
  accuracy: number | null;
}

export interface Calibration {
  /** Expected calibration error: |accuracy - confidence| of each bin, weighted by its share of the images. */
  error: number;
  bins: ReliabilityBin[];
}

const BINS = 15;

/** Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3, with bins of equal width. */
export function calibration(answers: readonly Judged[], count = BINS): Calibration {
  const sums = Array.from({ length: count }, () => ({ count: 0, confidence: 0, correct: 0 }));
  for (const { confidence, rank } of answers) {
    const bin = sums[Math.min(count - 1, Math.max(0, Math.ceil(confidence * count) - 1))]!;
    bin.count++;
    bin.confidence += confidence;
    bin.correct += rank === 0 ? 1 : 0;
  }
  const error = sums.reduce((sum, bin) => sum + Math.abs(bin.correct - bin.confidence), 0) / answers.length;
  const bins = sums.map((bin, m) => ({
    low: m / count,
    high: (m + 1) / count,
    count: bin.count,
    confidence: bin.count === 0 ? null : bin.confidence / bin.count,
    accuracy: bin.count === 0 ? null : bin.correct / bin.count,
  }));
  return { error, bins };
}

/** KL(teacher || student) of two answers to one image, in nats. A class of which the teacher is not aware adds nothing. */
export function divergence(teacher: ArrayLike<number>, student: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < teacher.length; k++) {
    const p = teacher[k]!;
    // A probability may be too small for a double.
    if (p > 0) sum += p * (Math.log(p) - Math.log(Math.max(student[k]!, Number.MIN_VALUE)));
  }
  return Math.max(0, sum);
}
