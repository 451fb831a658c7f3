/** Images to measure on. */
import type { Dataset, Split } from "../data/dataset";
import { noFingerprint } from "../data/fingerprints";
import { fromArray, unscoped } from "../tensor/tensor";

/** Noise, as an image of one colour might be a special case. */
export function madeUp(count: number, side: number, classes: number): Dataset {
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  const split: Split = { count, labels, images: unscoped(() => fromArray(pixels, [count, side, side, 3])), H: side, W: side, fingerprintOf: noFingerprint };
  return {
    path: "made up",
    format: "image-folder",
    classes: Array.from({ length: classes }, String),
    train: split,
    labelled: count,
    validation: null,
    test: split,
    hash: "",
    drawn: null,
    leftOut: [],
    said: [],
    release: () => split.images.release(),
  };
}
