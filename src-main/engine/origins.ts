/** Which images networks have learned from: for the weights that are written, and of those that are read. */
import type { ResolvedRecipe } from "../contract/recipe";
import { usesUnlabelled } from "../contract/recipe-values";
import type { SeenImages, SeenTestImages } from "../contract/seen";
import type { Dataset, Split } from "../data/dataset";
import { type Fingerprint, fingerprintsOf } from "../data/fingerprints";
import { countOf, Fingerprints, MOST_FINGERPRINTS, type Origin } from "../models/origin";

/** The images from which weights were learned, in any order. */
export interface Learned extends Pick<Dataset, "drawn"> {
  fitted: readonly Fingerprint[];
  unlabelled: readonly Fingerprint[];
  chosen: readonly Fingerprint[];
}

/** `isRight`: whether the network's answer to a test image is right; null if it was not asked. */
export type IsRight = ((n: number) => boolean) | null;

/** Of the test images, those that a network has learned from. */
export async function seenTestImages(origin: Origin, test: Split, isRight: IsRight, signal?: AbortSignal): Promise<SeenTestImages> {
  return seenAmong(origin, await fingerprintsOf(test, signal), isRight);
}

/** The same of images with these fingerprints. */
export function seenAmong({ fitted, unlabelled, chosen }: Origin, prints: readonly Fingerprint[], isRight: IsRight): SeenTestImages {
  const hasSeen = (print: Fingerprint) => fitted.has(print) || unlabelled.has(print);
  const known = [...prints.keys()].filter((n) => hasSeen(prints[n]!));
  return {
    count: prints.length,
    fitted: known.length,
    chosen: prints.filter((print) => chosen.has(print) && !hasSeen(print)).length,
    accuracy: isRight && known.length > 0 ? known.filter(isRight).length / known.length : null,
  };
}

/** Of a data set that others are trained on. */
export async function seenImages(origin: Origin, { train, labelled, test }: Dataset, isRight: IsRight, signal?: AbortSignal): Promise<SeenImages> {
  const { fitted } = origin;
  const prints = await fingerprintsOf({ count: labelled, fingerprintOf: train.fingerprintOf }, signal);
  const known = prints.filter((print) => fitted.has(print));
  return {
    fitted: fitted.count,
    test: await seenTestImages(origin, test, isRight, signal),
    labelled: { count: labelled, fitted: known.length, distinct: new Set(known).size },
  };
}

/** Of weights that began as weights of an earlier origin. */
export function originFrom({ fitted, unlabelled, chosen, drawn }: Learned, before: Origin | null): Origin {
  return {
    fitted: new Fingerprints([...fitted, ...(before?.fitted ?? [])]),
    unlabelled: new Fingerprints([...unlabelled, ...(before?.unlabelled ?? [])]),
    chosen: new Fingerprints([...chosen, ...(before?.chosen ?? [])]),
    drawn,
  };
}

/** What the arm of a recipe learns from; null of more images than a file names, which would only take time. */
export async function learnedBy(recipe: ResolvedRecipe, { train, labelled, validation, drawn }: Dataset, signal?: AbortSignal): Promise<Learned | null> {
  if (train.count + (validation?.count ?? 0) > MOST_FINGERPRINTS) return null;
  const shown = await fingerprintsOf(usesUnlabelled(recipe) ? train : { count: labelled, fingerprintOf: train.fingerprintOf }, signal);
  const chosen = validation ? await fingerprintsOf(validation, signal) : [];
  return { fitted: shown.slice(0, labelled), unlabelled: shown.slice(labelled), chosen, drawn };
}

/** That there are too many images to name, in words; null if there are not. */
export function unnamedInWords(origin: Origin): string | null {
  const count = countOf(origin);
  if (count <= MOST_FINGERPRINTS) return null;
  return `the weights do not name the images that they were fitted to: ${count} are more than the ${MOST_FINGERPRINTS} that a file names, so nobody is warned where such an image tests them`;
}
