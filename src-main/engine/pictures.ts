import { render } from "../data/batches";
import type { Split } from "../data/dataset";
import { encodePng } from "../data/decode";
import { scope } from "../tensor/tensor";

/** Not normalised: values are 0 ... 1. */
const AS_PICTURE = { mean: [0, 0, 0], std: [1, 1, 1], precision: "fp32" } as const;

/** PNG of each, as a network of that size sees it before normalisation. The images have to be held (`need`). */
export async function picturesOf(split: Split, shown: Parameters<typeof render>[1], side: number): Promise<Uint8Array[]> {
  const values = scope(() => render(split, shown, { imageSize: side, ...AS_PICTURE }).toFloat32());
  const bytes = Uint8Array.from(values, (value) => Math.round(255 * Math.min(Math.max(value, 0), 1)));
  const size = 3 * side ** 2;
  return Promise.all(Array.from(shown.indices, (_, n) => encodePng({ data: bytes.subarray(n * size, (n + 1) * size), H: side, W: side })));
}
