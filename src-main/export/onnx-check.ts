import { softmax } from "../contract/softmax";
import { fitSquare } from "../data/decode";
import { floatArray, type NdArray } from "../onnx/array";
import { Evaluation } from "../onnx/evaluate";
import { transposed } from "../onnx/ops";
import { modelProto } from "../onnx/proto";
import { decode } from "../protobuf/codec";
import { assembleBatch } from "../tensor/ops/assemble-batch";
import { fromArray, noGrad, scope, type Tensor } from "../tensor/tensor";
import type { Network } from "../training/network";
import type { OnnxOptions } from "./onnx-model";

/** The largest difference between what a file answers to noise, evaluated node by node, and what the network does, as a part of the largest answer. */
export async function onnxError(network: Network, bytes: Uint8Array, { rawInput, softmax: isSoftmax }: OnnxOptions): Promise<number> {
  const evaluation = new Evaluation(decode(modelProto, bytes).graph);
  const cases = rawInput ? await rawCases(network) : [normalizedCase(network)];
  const errors = cases.map(({ input, logits }) => {
    const expected = isSoftmax ? rowsOf(logits, network.model.classes).flatMap((row) => softmax(row)) : [...logits];
    const found = evaluation.run(input).values;
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
    return worst / Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
  });
  return Math.max(...errors);
}

interface Case {
  input: NdArray;
  logits: Float32Array;
}

/** Two images at once. */
function normalizedCase({ model }: Network): Case {
  const Z = model.imageSize;
  const pixels = Float32Array.from(noise(2 * Z * Z * 3), (byte) => byte / 64 - 2);
  const logits = logitsOf({ model }, () => fromArray(pixels, [2, Z, Z, 3]));
  return { input: imagesInput(pixels, 2, Z), logits };
}

/** An image of each kind: one that is narrowed and cropped, one that is too small, and a small square. */
async function rawCases({ model, normalization }: Network): Promise<Case[]> {
  const Z = model.imageSize;
  const half = Math.max(1, Math.floor(Z / 2));
  const sizes = [
    [Z + 5, 2 * Z - 3],
    [half + 2, half],
    [half, half],
  ] as const;
  return Promise.all(
    sizes.map(async ([H, W]) => {
      const data = noise(H * W * 3);
      const fitted = H === W && H < Z ? fromArray(data, [1, H, W, 3]) : fromArray(await fitSquare({ data, H, W }, Z), [1, Z, Z, 3]);
      const logits = logitsOf({ model }, () => assembleBatch(fitted, fromArray(Int32Array.of(0), [1]), {}, { size: Z, ...normalization }));
      fitted.release();
      return { input: { type: "uint8", shape: [1, H, W, 3], values: data } as const, logits };
    }),
  );
}

/** images [N,Z,Z,3] -> [N,K] */
export function logitsOf({ model }: Pick<Network, "model">, images: () => Tensor): Float32Array {
  return scope(() => noGrad(() => model.forward(images()).toFloat32()));
}

/** [N,Z,Z,3] -> a graph's input [N,3,Z,Z] */
export function imagesInput(pixels: Float32Array, N: number, Z: number): NdArray {
  const size = Z * Z * 3;
  const values = new Float32Array(pixels.length);
  for (let n = 0; n < N; n++) values.set(transposed(pixels.subarray(n * size, (n + 1) * size), Z * Z, 3), n * size);
  return floatArray([N, 3, Z, Z], values);
}

/** Bytes that look random and are always the same. */
function noise(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
}

function rowsOf(values: Float32Array, length: number): number[][] {
  return Array.from({ length: values.length / length }, (_, row) => [...values.subarray(row * length, (row + 1) * length)]);
}
