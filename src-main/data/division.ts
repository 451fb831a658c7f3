import { InputError } from "../contract/failure";
import type { DataSource } from "../contract/recipe";
import { randomPermutation } from "../tensor/ops/random";
import { scope } from "../tensor/tensor";
import type { RawSplit } from "./dataset";
import { chosenOf, joinedOf } from "./image-source";

// The seed also determines initial weights, order and augmentation; these streams lie between those of the weights and those of the order.
const LABELLED = { name: "data.labelled", stream: 2 ** 39 };
/** The same images whatever the seed, so that runs with several seeds choose by the same images. */
const VALIDATION = { name: "data.validation", stream: 2 ** 39 + 1 };

/** The label of an image that has none. */
export const NO_LABEL = -1;

/** The training images of a data set, divided as a recipe says. */
export interface Division {
  /** Labelled images first. */
  train: RawSplit;
  /** Number of labelled images in `train`. */
  labelled: number;
  validation: RawSplit | null;
}

type Settings = Partial<Pick<DataSource, "validation" | "labelled" | "unlabelled">>;

/**
 * Holds validation images back, keeps the labels of `labelled` of the others, and drops the rest, or keeps them as images without labels; `more` are
 * images without labels from elsewhere. Each choice takes the same share of every class. Throws an InputError if there are too few images.
 */
export function divide(all: RawSplit, classes: number, settings: Settings, seed: number, more: RawSplit | null = null): Division {
  const { validation = null, labelled = null, unlabelled = null } = settings;
  const [held, others] = validation === null ? [null, all] : divided(all, classes, validation, { ...VALIDATION, seed: 0 });
  const [known, rest] = labelled === null ? [others, null] : divided(others, classes, labelled, { ...LABELLED, seed });
  const unknown = unlabelled === "rest" ? rest && withoutLabels(rest) : more;
  const train = unknown ? joined(known, unknown) : known;
  return { train, labelled: known.labels.length, validation: held };
}

interface Choice {
  /** Key of the setting. */
  name: string;
  stream: number;
  seed: number;
}

/** `count` images, the same share of each class, and the others, both in stored order. */
function divided(all: RawSplit, classes: number, count: number, choice: Choice): [chosen: RawSplit, others: RawSplit] {
  const total = all.labels.length;
  if (count < classes) throw new InputError(`${choice.name}: expected at least one image of each of the ${classes} classes, got ${count}`);
  if (count > total || (count === total && choice.name === VALIDATION.name)) {
    const most = choice.name === VALIDATION.name ? `less than the ${total}` : `at most the ${total}`;
    throw new InputError(`${choice.name}: expected ${most} training images that there are, got ${count}`);
  }
  const chosen = stratified(all.labels, classes, count, choice);
  return [rowsOf(all, chosen), rowsOf(all, without(total, chosen))];
}

/** [count] samples in stored order, of each class its share; which ones depends on the key alone. */
export function stratified(labels: Int32Array, classes: number, count: number, { seed, stream }: Pick<Choice, "seed" | "stream">): Int32Array {
  const quotas = sharesOf(labels, classes, count);
  const order = scope(() => randomPermutation(labels.length, { seed, stream }).toInt32());
  return order.filter((sample) => quotas[labels[sample]!]!-- > 0).sort();
}

/** How many of `count` each class gets: in proportion to its images, by largest remainders. */
function sharesOf(labels: Int32Array, classes: number, count: number): number[] {
  const sizes = Array.from({ length: classes }, () => 0);
  for (const label of labels) sizes[label]!++;
  const exact = sizes.map((size) => (count * size) / labels.length);
  const shares = exact.map(Math.floor);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - shares[b]! - (exact[a]! - shares[a]!) || a - b);
  const left = count - shares.reduce((sum, share) => sum + share, 0);
  for (const k of byRemainder.slice(0, left)) shares[k]!++;
  return shares;
}

/** [count] samples, in stored order, that `data.validation` would hold back: of each class its share, whatever the seed. */
export const heldBack = (labels: Int32Array, classes: number, count: number): Int32Array =>
  stratified(labels, classes, count, { seed: 0, stream: VALIDATION.stream });

/** The other samples, in stored order. */
export function without(total: number, chosen: Int32Array): Int32Array {
  const taken = new Set(chosen);
  return Int32Array.from({ length: total }, (_, sample) => sample).filter((sample) => !taken.has(sample));
}

function rowsOf({ labels, pixels, H, W, files, fingerprintOf }: RawSplit, rows: Int32Array): RawSplit {
  return {
    labels: rows.map((row) => labels[row]!),
    pixels: chosenOf(pixels, H * W * 3, rows),
    H,
    W,
    ...(files && { files: Array.from(rows, (row) => files[row]!) }),
    fingerprintOf: (n) => fingerprintOf(rows[n]!),
  };
}

function withoutLabels(split: RawSplit): RawSplit {
  return { ...split, labels: new Int32Array(split.labels.length).fill(NO_LABEL) };
}

function joined(a: RawSplit, b: RawSplit): RawSplit {
  const labels = new Int32Array(a.labels.length + b.labels.length);
  labels.set(a.labels);
  labels.set(b.labels, a.labels.length);
  const fingerprintOf = (n: number) => (n < a.labels.length ? a.fingerprintOf(n) : b.fingerprintOf(n - a.labels.length));
  const files = a.files && b.files && [...a.files, ...b.files];
  return { labels, pixels: joinedOf(a.pixels, b.pixels, a.H * a.W * 3), H: a.H, W: a.W, ...(files && { files }), fingerprintOf };
}
