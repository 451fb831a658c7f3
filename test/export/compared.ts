import { expect } from "vitest";
import { fitSquare } from "../../src-main/data/decode";
import type { Model } from "../../src-main/models/model";
import { assembleBatch } from "../../src-main/tensor/ops/assemble-batch";
import { fromArray, noGrad, scope, type Tensor } from "../../src-main/tensor/tensor";
import { uniform } from "../reference/formula";

export const normalization = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] } as const;
export const classes = Array.from({ length: 10 }, (_, i) => `class ${i}`);
/** What `onnxModel` takes. */
export const trained = (model: Model) => ({
  network: { model, normalization: { mean: [...normalization.mean], std: [...normalization.std] }, origin: null },
  classes,
});

/** images [N,Z,Z,3], normalised */
export function logitsOf(model: Model, images: () => Tensor): Float32Array {
  return scope(() => noGrad(() => model.forward(images()).toFloat32()));
}

/** Largest difference, as a part of the largest value. */
export function errorOf(found: Float32Array, expected: Float32Array): number {
  expect(found).toHaveLength(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(found[i]! - value))) / Math.max(...expected.map(Math.abs));
}

/** [N,Z,Z,3] -> [N,3,Z,Z] */
export function channelsFirst(values: Float32Array, N: number): Float32Array {
  const pixels = values.length / N / 3;
  return values.map((_, i) => {
    const [n, c, pixel] = [Math.floor(i / (3 * pixels)), Math.floor(i / pixels) % 3, i % pixels];
    return values[(n * pixels + pixel) * 3 + c]!;
  });
}

/** u8 [H,W,3] */
export function someImage(H: number, W: number): Uint8Array {
  return Uint8Array.from(uniform(`${H}x${W}`, H * W * 3, 1), (value) => Math.floor(128 + 127 * value));
}

/** Of an image u8 [H,W,3], as `prepareFile` and `predict` show it to a network with that normalisation. */
export async function logitsOfImage(model: Model, data: Uint8Array, H: number, W: number): Promise<Float32Array> {
  const Z = model.imageSize;
  const isSmall = H === W && H < Z;
  const seen = isSmall ? fromArray(data, [1, H, W, 3]) : fromArray(await fitSquare({ data, H, W }, Z), [1, Z, Z, 3]);
  return logitsOf(model, () => assembleBatch(seen, fromArray(Int32Array.of(0), [1]), {}, { size: Z, ...normalization }));
}
