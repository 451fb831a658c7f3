import { describe, expect, it, test } from "vitest";
import { calibration, classFigures, confusionMatrix, divergence, judge, mostLikely, topK } from "../../src-main/contract/classification";
import {
  bootstrapInterval,
  deviation,
  holdsZero,
  mcNemar,
  mean,
  morePairsNeeded,
  pairedInterval,
  studentT,
  wilsonInterval,
} from "../../src-main/contract/statistics";
import { atOnce } from "../../src-main/contract/turns";
import known from "../reference/statistics.json";

/** -1, 0 and 1, as an image counts that neither, both or one of two models has right. */
const differencesOf = ({ gained, lost, images }: { gained: number; lost: number; images: number }) =>
  Array.from({ length: images }, (_, i) => (i < gained ? 1 : i < gained + lost ? -1 : 0));

describe("over seeds", () => {
  it.each(known.studentT)("Student's t with $freedom degrees of freedom is SciPy's", ({ freedom, t }) => {
    expect(studentT(freedom) / t).toBeCloseTo(1, 10);
  });

  it.each(known.intervals)("the interval of $differences is SciPy's", ({ differences, deviation: spread, low, high }) => {
    expect(deviation(differences)).toBeCloseTo(spread, 12);
    const [from, to] = pairedInterval(differences)!;
    expect(from).toBeCloseTo(low, 10);
    expect(to).toBeCloseTo(high, 10);
  });

  it("one difference has no interval", () => {
    expect([deviation([0.1]), pairedInterval([0.1]), morePairsNeeded([0.1])]).toEqual([null, null, null]);
  });

  it("tells how many more pairs like these it takes", () => {
    // Mean 1, deviation 2: t(17) 2 / sqrt(18) = 0.995, and t(16) 2 / sqrt(17) = 1.028.
    const differences = [-1, 1, 3];
    expect([mean(differences), deviation(differences)]).toEqual([1, 2]);
    expect(morePairsNeeded(differences)).toBe(18 - 3);
    expect(morePairsNeeded([0.184, 0.171, 0.19])).toBe(0);
    expect(morePairsNeeded([-1, 1])).toBeNull();
  });

  it("holds zero at its ends too", () => {
    expect([holdsZero([-1, 1]), holdsZero([0, 1]), holdsZero([0.1, 1]), holdsZero([-1, -0.1])]).toEqual([true, true, false, false]);
  });
});

describe("over test images", () => {
  it.each(known.bootstrap)("resamples $images images as SciPy does", ({ low, high, ...counts }) => {
    const [from, to] = atOnce(bootstrapInterval(differencesOf(counts)));
    // Both ends are drawn by lot.
    const tolerance = 0.06 * (high - low);
    expect(Math.abs(from - low)).toBeLessThan(tolerance);
    expect(Math.abs(to - high)).toBeLessThan(tolerance);
  });

  it("gives the same interval again", () => {
    const differences = differencesOf({ gained: 30, lost: 20, images: 100 });
    expect(atOnce(bootstrapInterval(differences))).toEqual(atOnce(bootstrapInterval(differences)));
    expect(atOnce(bootstrapInterval([1, 1, 1]))).toEqual([1, 1]);
  });

  it.each(known.mcNemar)("McNemar's test of $first and $second is that of statsmodels", ({ first, second, p }) => {
    expect(mcNemar(first, second)).toBeCloseTo(p, 12);
  });
});

describe("predictions", () => {
  const { labels, probabilities, teacher } = known.predictions;
  const answers = labels.map((label, i) => judge(label, probabilities[i]!));

  it("are judged as scikit-learn does", () => {
    const confusion = confusionMatrix(answers, 4);
    expect(topK(answers, 1)).toBeCloseTo(known.predictions.accuracy, 12);
    expect(topK(answers, 2)).toBeCloseTo(known.predictions.top2, 12);
    expect(confusion).toEqual(known.predictions.confusion);
    const figures = classFigures(confusion);
    expect(figures.map(({ count }) => count)).toEqual(known.predictions.count);
    for (const [k, { precision, recall }] of figures.entries()) {
      expect(precision).toBeCloseTo(known.predictions.precision[k]!, 12);
      expect(recall).toBeCloseTo(known.predictions.recall[k]!, 12);
    }
  });

  it("are calibrated as SciPy's bins say", () => {
    const { error, bins } = calibration(answers);
    expect(error).toBeCloseTo(known.predictions.calibrationError, 12);
    expect(bins.map(({ count }) => count)).toEqual(known.predictions.binCounts);
  });

  it("are compared with a teacher's", () => {
    const agreement = mean(probabilities.map((row, i) => (mostLikely(row) === mostLikely(teacher[i]!) ? 1 : 0)));
    expect(agreement).toBeCloseTo(known.predictions.agreement, 12);
    expect(mean(probabilities.map((row, i) => divergence(teacher[i]!, row)))).toBeCloseTo(known.predictions.divergence, 10);
  });

  it("by hand: two right of four, one of them not sure", () => {
    const four = [judge(0, [0.9, 0.1]), judge(1, [0.95, 0.05]), judge(1, [0.4, 0.6]), judge(0, [0.25, 0.75])];
    expect(four.map(({ predicted, rank }) => [predicted, rank])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    // Five bins of a fifth: (0.4, 0.6] holds 0.6; (0.6, 0.8] holds 0.75; (0.8, 1] holds 0.9 and 0.95.
    const { error, bins } = calibration(four, 5);
    expect(bins.map(({ count, confidence, accuracy }) => [count, confidence, accuracy])).toEqual([
      [0, null, null],
      [0, null, null],
      [1, 0.6, 1],
      [1, 0.75, 0],
      [2, 0.925, 0.5],
    ]);
    expect(error).toBeCloseTo((0.4 + 0.75 + 0.85) / 4, 12);
    expect(classFigures(confusionMatrix([judge(0, [1, 0]), judge(0, [1, 0])], 2))).toEqual([
      { count: 2, precision: 1, recall: 1 },
      { count: 0, precision: null, recall: null },
    ]);
  });

  it("among equal probabilities the first counts", () => {
    expect(judge(1, [0.5, 0.5])).toEqual({ label: 1, predicted: 0, confidence: 0.5, rank: 1 });
    expect(judge(0, [0.5, 0.5]).rank).toBe(0);
  });

  it("a class that the student excludes costs much, but not infinitely much", () => {
    expect(divergence([0.5, 0.5], [1, 0])).toBeGreaterThan(300);
    expect(divergence([1, 0], [0.5, 0.5])).toBeCloseTo(Math.LN2, 12);
    expect(divergence([0.25, 0.75], [0.25, 0.75])).toBe(0);
  });
});

test("an accuracy has an interval with a width even where all or none is right", () => {
  // z = 1.959964: n / (n + z^2) and the roots of (p - q)^2 = z^2 q (1 - q) / n
  expect(wilsonInterval(1, 6)).toEqual([expect.closeTo(0.60966, 4), 1]);
  expect(wilsonInterval(0, 6)).toEqual([0, expect.closeTo(0.39033, 4)]);
  for (const end of wilsonInterval(0.11, 500)) expect((0.11 - end) ** 2).toBeCloseTo((1.959964 ** 2 * end * (1 - end)) / 500, 10);
});
