/** How sure a measured difference is: over seeds, and over test images. Pure functions for the engine, reports and the app. */

import type { InTurns } from "./turns";

/** [low, high] */
export type Interval = [low: number, high: number];

/** The share of intervals that hold the true value. */
export const CONFIDENCE = 0.95;

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation of a sample, with n - 1 below the line; null for fewer than two values. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** Where all that was measured is alike, the methods below give an interval without width, which says nothing. */
/** What subtracting fractions leaves of differences that are equal. */
const DUST = 1e-9;

export const hasWidth = ([low, high]: Interval): boolean => high - low > DUST;

export const holdsZero = ([low, high]: Interval): boolean => low <= 0 && high >= 0;

// ---- Over seeds -------------------------------------------------------------------------------------------------------------------

/** Distribution of Student's t with a whole number of degrees of freedom: P(-t < T < t), t >= 0. Abramowitz and Stegun 1964, 26.7.3 and 26.7.4. */
function probabilityWithin(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const isOdd = freedom % 2 === 1;
  const square = Math.cos(angle) ** 2;
  let term = isOdd ? Math.cos(angle) : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < freedom - 1; k += 2) {
    term *= (square * (k - 1)) / k;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/** The t between whose negative and itself Student's t lies with this confidence; `freedom` is a whole number from 1. */
export function studentT(freedom: number, confidence = CONFIDENCE): number {
  let [low, high] = [0, 1];
  while (probabilityWithin(high, freedom) < confidence) high *= 2;
  // Ends where no number lies between.
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (probabilityWithin(middle, freedom) < confidence) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Where the mean of paired differences lies if many more pairs were measured: mean ± t s / sqrt(n), with t of n - 1 degrees of freedom. Null for
 * fewer than two.
 */
export function pairedInterval(differences: readonly number[]): Interval | null {
  const spread = deviation(differences);
  if (spread === null) return null;
  const n = differences.length;
  const half = (studentT(n - 1) * spread) / Math.sqrt(n);
  return [mean(differences) - half, mean(differences) + half];
}

/** As many seeds as a comparison may have. */
export const MOST_SEEDS = 1000;

/**
 * About how many more pairs it takes until the interval of their mean no longer holds zero, if those to come are like those measured: the mean and
 * the deviation stay, and their number grows. 0 if it does not hold zero now; null if not even a thousand would do, or for fewer than two.
 */
export function morePairsNeeded(differences: readonly number[]): number | null {
  const spread = deviation(differences);
  if (spread === null) return null;
  const distance = Math.abs(mean(differences));
  for (let n = differences.length; n <= MOST_SEEDS; n++) if (studentT(n - 1) * spread < distance * Math.sqrt(n)) return n - differences.length;
  return null;
}

/** Fewest images on which only one of two models is right from which McNemar's test can tell them apart, all the others being answered alike. */
export const FEWEST_DISCORDANT = 6;

/** The smallest difference of two accuracies, in fractions, that so many test images can show with one seed. */
export const smallestDifference = (images: number): number => FEWEST_DISCORDANT / images;

// ---- Over test images -------------------------------------------------------------------------------------------------------------

/** Between whose negative and itself the standard normal distribution has 95 %. */
const NORMAL_95 = 1.959964;

/** Where the accuracy with other images like these lies, of a model that has this share of so many right (Wilson 1927): at 0 and 1 too, it has a width. */
export function wilsonInterval(share: number, images: number): Interval {
  const weight = NORMAL_95 ** 2 / images;
  const middle = (share + weight / 2) / (1 + weight);
  const half = (NORMAL_95 / (1 + weight)) * Math.sqrt((share * (1 - share)) / images + weight / images / 4);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Resamples of one turn are about so many draws. */
const DRAWS_AT_ONCE = 1_000_000;

/** So many resamples give the ends of a 95 % interval to about a twentieth of its length (Efron and Tibshirani 1993, section 13.3). */
const RESAMPLES = 2000;

/**
 * Where the mean of paired differences lies with other test images like these: percentile interval of the paired bootstrap (Efron and Tibshirani
 * 1993, section 13.3). Each resample draws as many pairs as there are, with replacement. The same differences give the same interval.
 */
export function* bootstrapInterval(differences: readonly number[], resamples = RESAMPLES): InTurns<Interval> {
  const n = differences.length;
  const random = randomIntegers(n);
  const values = Float64Array.from(differences);
  const means = new Float64Array(resamples);
  const everySo = Math.max(1, Math.floor(DRAWS_AT_ONCE / n));
  for (let resample = 0; resample < resamples; resample++) {
    if (resample % everySo === 0) yield;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[random() % n]!;
    means[resample] = sum / n;
  }
  means.sort();
  const tail = (1 - CONFIDENCE) / 2;
  return [quantile(means, tail), quantile(means, 1 - tail)];
}

/** Of sorted values, with a straight line between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return below + (at - Math.floor(at)) * (above - below);
}

/** Integers of 0 ... 2^31 - 1, the same for the same seed: the state counts, and the finaliser of MurmurHash3 (Appleby 2011) mixes it. */
function randomIntegers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 1;
  };
}

/**
 * Exact test of McNemar 1947: the probability that two models equally good on such images differ at least so much on those that only one of them has
 * right. `onlyFirst` and `onlySecond` count these.
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  // Binomial with probability 1/2, from term to term by logarithms: 2^-n may be too small for a double.
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
