/** Which images networks have learned from: for the weights that are written, and of those that are read. */
import type { SeenImages } from "../contract/seen";
import type { Dataset, Split } from "../data/dataset";
import { type Fingerprint, fingerprintsOf } from "../data/fingerprints";
import { Fingerprints, MOST_FINGERPRINTS, type Origin } from "../models/origin";

/** `isRight`: whether the network's answer to a test image is right; null if it was not asked. */
export type IsRight = ((n: number) => boolean) | null;

/** Of the test images, those that a network has learned from. */
export async function seenTestImages({ fitted, chosen }: Origin, test: Split, isRight: IsRight, signal?: AbortSignal): Promise<SeenImages["test"]> {
  const prints = await fingerprintsOf(test, signal);
  const known = [...prints.keys()].filter((n) => fitted.has(prints[n]!));
  return {
    count: test.count,
    fitted: known.length,
    chosen: prints.filter((print) => chosen.has(print) && !fitted.has(print)).length,
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

/** Of weights that were fitted to these images and chosen by those, and began as weights of an earlier origin. */
export function originFrom(fitted: readonly Fingerprint[], chosen: readonly Fingerprint[], { drawn }: Dataset, before: Origin | null): Origin {
  return {
    fitted: new Fingerprints([...fitted, ...(before?.fitted ?? [])]),
    chosen: new Fingerprints([...chosen, ...(before?.chosen ?? [])]),
    drawn,
  };
}

/** That there are too many images to name, in words; null if there are not. */
export function unnamedInWords({ fitted, chosen }: Origin): string | null {
  const count = fitted.count + chosen.count;
  if (count <= MOST_FINGERPRINTS) return null;
  return `the weights do not name the images that they were fitted to: ${count} are more than the ${MOST_FINGERPRINTS} that a file names, so nobody is warned where such an image tests them`;
}
