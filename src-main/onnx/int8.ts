import type { Extent, Graph, Value } from "./graph";

interface Factor {
  name: string;
  /** [I,O] */
  values: Float32Array;
  I: number;
  O: number;
  /** Of the product. */
  shape: readonly Extent[];
}

/** What stands for 0 among a weight's bytes. Signed bytes would overflow in runtimes on processors that add products of pairs in 16 bits (AVX2). */
const ZERO = 128;

/**
 * x [...,I] times weights [I,O], both as whole numbers of 8 bits: the weights by the largest of each output, x by the least and the largest of the whole
 * batch, when the network is used. onnxruntime fuses these nodes into one.
 */
export function quantizedProduct(graph: Graph, x: Value, { name, values, I, O, shape }: Factor): Value {
  const { bytes, scales } = quantized(values, I, O);
  const [quantizedX, scale, zero] = graph.once(`quantized ${x.name}`, () => graph.ops("DynamicQuantizeLinear", [x], 3)) as [Value, Value, Value];
  const weight = graph.bytes(`${name}.quantized`, [I, O], bytes);
  const [weightZero] = graph.once("zero of weights", () => [graph.bytes("zero_of_weights", [], Uint8Array.of(ZERO))]) as [Value];
  const sums = graph.op("Cast", [graph.op("MatMulInteger", [quantizedX, weight, zero, weightZero], { shape })], { attributes: { to: 1 } });
  return graph.op("Mul", [sums, graph.op("Mul", [scale, graph.floats(`${name}.scale`, [O], scales)], { shape: [O] })]);
}

/** Each column by its own scale, to -127 ... 127. */
function quantized(values: Float32Array, I: number, O: number): { bytes: Uint8Array; scales: Float32Array } {
  const scales = new Float32Array(O);
  for (let i = 0; i < I; i++) for (let o = 0; o < O; o++) scales[o] = Math.max(scales[o]!, Math.abs(values[i * O + o]!));
  for (let o = 0; o < O; o++) scales[o] = scales[o]! / 127 || 1;
  const bytes = new Uint8Array(I * O);
  for (let i = 0; i < I; i++) for (let o = 0; o < O; o++) bytes[i * O + o] = ZERO + Math.round(values[i * O + o]! / scales[o]!);
  return { bytes, scales };
}
