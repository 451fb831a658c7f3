/**
 * The ops of tensor/ops as nodes of ONNX, opset 17, under the same names. Images are [N,C,H,W] here, as ONNX has them; tokens are [N,T,D]. N is symbolic, so
 * a Reshape takes it from its input, as 0.
 */
import type { Activation, Padding } from "../backend/addon";
import { windows } from "../tensor/ops/conv2d";
import type { Tensor } from "../tensor/tensor";
import type { Extent, Graph, Value } from "./graph";
import { quantizedProduct } from "./int8";

interface LinearWeights {
  weight: Tensor;
  bias: Tensor;
}

interface LinearOptions {
  residual?: Value;
  /** Factors of layer scale [O]. */
  scale?: Tensor;
}

/** x [...,I] -> residual + scale * (x weight^T [O,I] + bias [O]) */
export function linear(graph: Graph, x: Value, layer: LinearWeights, { residual, scale }: LinearOptions = {}): Value {
  const y = x.shape.length === 2 ? gemm(graph, x, layer) : graph.op("Add", [product(graph, x, layer.weight), graph.weight(layer.bias)]);
  const scaled = scale ? graph.op("Mul", [y, graph.weight(scale)]) : y;
  return residual ? add(graph, residual, scaled) : scaled;
}

function gemm(graph: Graph, x: Value, { weight, bias }: LinearWeights): Value {
  const shape = [x.shape[0]!, weight.shape[0]!];
  return graph.op("Gemm", [x, graph.weight(weight), graph.weight(bias)], { attributes: { transB: 1 }, shape });
}

/** MatMul takes weights as [I,O]: they are turned here, so that runtimes and quantisers find a constant. */
function product(graph: Graph, x: Value, weight: Tensor): Value {
  const [O, I] = weight.shape as [number, number];
  const turned = transposed(weight.toFloat32(), O, I);
  const shape = [...x.shape.slice(0, -1), O];
  const name = graph.nameOf(weight);
  if (graph.int8) return quantizedProduct(graph, x, { name, values: turned, I, O, shape });
  return graph.op("MatMul", [x, graph.floats(name, [I, O], turned)], { shape });
}

/** [rows,columns] -> [columns,rows] */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}

export interface ConvWeights {
  /** [O,C/groups,R,R] */
  weight: Value;
  bias: Value | null;
}

interface Conv2dOptions {
  stride: number;
  padding: Padding;
  groups?: number;
}

/** x [N,C,H,W] -> [N,O,P,Q] */
export function conv2d(graph: Graph, x: Value, { weight, bias }: ConvWeights, { stride, padding, groups = 1 }: Conv2dOptions): Value {
  const [O, , kernel] = weight.shape as [number, number, number];
  const [N, , H, W] = x.shape as [Extent, number, number, number];
  const outputs = [H, W].map((extent) => windows(extent, kernel, stride, padding));
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: padsOf([H, W], kernel, stride, padding), group: groups };
  return graph.op("Conv", bias ? [x, weight, bias] : [x, weight], { attributes, shape: [N, O, ...outputs] });
}

/** Above, left, below, right. TensorFlow's "same" puts what is odd below and right. */
function padsOf(extents: readonly number[], kernel: number, stride: number, padding: Padding): number[] {
  if (padding !== "same") return [padding, padding, padding, padding];
  const all = extents.map((extent) => Math.max((Math.ceil(extent / stride) - 1) * stride + kernel - extent, 0));
  return [...all.map((each) => Math.floor(each / 2)), ...all.map((each) => Math.ceil(each / 2))];
}

interface FoldableNorm {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
  eps: number;
}

/**
 * The weights of a convolution that computes the batch norm after it as well. They keep the names of the convolution's weight and of the norm's bias, and
 * the graph notes the norm, so that the file can be read back.
 */
export function foldedNorm(graph: Graph, conv: { weight: Tensor; bias: Tensor | null }, { eps, ...norm }: FoldableNorm): ConvWeights {
  if (conv.bias) throw new Error(`${graph.nameOf(conv.bias)}: a convolution before a batch norm has no bias`);
  const [weight, shift, mean, variance] = [norm.weight, norm.bias, norm.runningMean, norm.runningVar].map((each) => each.toFloat32()) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const factors = variance.map((value, o) => weight[o]! / Math.sqrt(value + eps));
  const name = graph.nameOf(norm.bias);
  graph.folded.set(name.replace(/\.bias$/, ""), eps);
  const each = conv.weight.size / factors.length;
  return {
    weight: graph.floats(
      graph.nameOf(conv.weight),
      conv.weight.shape,
      conv.weight.toFloat32().map((value, i) => value * factors[Math.floor(i / each)]!),
    ),
    bias: graph.floats(
      name,
      norm.bias.shape,
      shift.map((value, o) => value - mean[o]! * factors[o]!),
    ),
  };
}

/** Over the last axis. */
export function layerNorm(graph: Graph, x: Value, weight: Tensor, bias: Tensor, eps: number): Value {
  return graph.op("LayerNormalization", [x, graph.weight(weight), graph.weight(bias)], { attributes: { axis: -1, epsilon: { f: eps } } });
}

/** Exact: x/2 (1 + erf(x / sqrt(2))). Opset 17 has no Gelu. */
export function gelu(graph: Graph, x: Value): Value {
  const number = (value: number) => graph.constant("float", value);
  const erf = graph.op("Erf", [graph.op("Mul", [x, number(Math.SQRT1_2)])]);
  return graph.op("Mul", [graph.op("Mul", [x, graph.op("Add", [erf, number(1)])]), number(0.5)]);
}

export function activated(graph: Graph, x: Value, activation: Activation): Value {
  if (activation === "none") return x;
  if (activation === "relu") return graph.op("Relu", [x]);
  return graph.op("Clip", [x, graph.constant("float", 0), graph.constant("float", 6)]);
}

export function add(graph: Graph, a: Value, b: Value): Value {
  return graph.op("Add", [a, b]);
}

export function scale(graph: Graph, x: Value, factor: number): Value {
  return graph.op("Mul", [x, graph.constant("float", factor)]);
}

/** softmax(q k^T / sqrt(E)) v from packed qkv [N,T,3*A*E] -> [N,Q,A*E], of the first Q = `queries` tokens */
export function attention(graph: Graph, qkv: Value, heads: number, queries?: number): Value {
  const [N, T, packed] = qkv.shape as [Extent, number, number];
  const width = packed / 3;
  const E = width / heads;
  const Q = queries ?? T;
  const split = reshape(graph, qkv, [0, 0, 3, heads, E], [N, T, 3, heads, E]);
  const [q, k, v] = [0, 1, 2].map((i) => graph.op("Gather", [split, graph.constant("int64", i)], { attributes: { axis: 2 }, shape: [N, T, heads, E] })) as [
    Value,
    Value,
    Value,
  ];
  const product = graph.op("MatMul", [transpose(graph, sliceTokens(graph, q, Q), [0, 2, 1, 3]), transpose(graph, k, [0, 2, 3, 1])], {
    shape: [N, heads, Q, T],
  });
  const weights = graph.op("Softmax", [scale(graph, product, E ** -0.5)], { attributes: { axis: -1 } });
  const h = graph.op("MatMul", [weights, transpose(graph, v, [0, 2, 1, 3])], { shape: [N, heads, Q, E] });
  return reshape(graph, transpose(graph, h, [0, 2, 1, 3]), [0, 0, width], [N, Q, width]);
}

/** The first tokens of x [N,T,...]; x itself if these are all. */
export function sliceTokens(graph: Graph, x: Value, count: number): Value {
  const [N, T, ...rest] = x.shape;
  if (count === T) return x;
  const [from, to, axis] = [[0], [count], [1]].map((values) => graph.constant("int64", values)) as [Value, Value, Value];
  return graph.op("Slice", [x, from, to, axis], { shape: [N!, count, ...rest] });
}

/** [N,T,D] -> [N,D], the token at an index. */
export function selectToken(graph: Graph, x: Value, index: number): Value {
  const [N, , D] = x.shape as [Extent, number, number];
  return graph.op("Gather", [x, graph.constant("int64", index)], { attributes: { axis: 1 }, shape: [N, D] });
}

/** Tokens [1,t,D] before x [N,T,D] -> [N,t+T,D] */
export function prependTokens(graph: Graph, tokens: Tensor, x: Value): Value {
  const [N, T, D] = x.shape as [Extent, number, number];
  const t = tokens.shape[1]!;
  const batch = graph.op("Shape", [x], { attributes: { start: 0, end: 1 }, shape: [1] });
  const shape = graph.op("Concat", [batch, graph.constant("int64", [t, D])], { attributes: { axis: 0 }, shape: [3] });
  const each = graph.op("Expand", [graph.weight(tokens), shape], { shape: [N, t, D] });
  return graph.op("Concat", [each, x], { attributes: { axis: 1 }, shape: [N, t + T, D] });
}

/** map [N,D,P,Q] -> [N,P*Q,D], in row-major order */
export function tokensOf(graph: Graph, map: Value): Value {
  const [N, D, P, Q] = map.shape as [Extent, number, number, number];
  return transpose(graph, reshape(graph, map, [0, D, P * Q], [N, D, P * Q]), [0, 2, 1]);
}

/** [N,C,P,Q] -> maximum of each window */
export function maxPool(graph: Graph, x: Value, { kernel, stride, padding }: { kernel: number; stride: number; padding: number }): Value {
  const [N, C, ...sides] = x.shape as [Extent, number, number, number];
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [padding, padding, padding, padding] };
  return graph.op("MaxPool", [x], { attributes, shape: [N, C, ...sides.map((side) => windows(side, kernel, stride, padding))] });
}

/** [N,C,H,W] -> [N,C] */
export function averagePool(graph: Graph, x: Value): Value {
  const [N, C] = x.shape as [Extent, number];
  return graph.op("Flatten", [graph.op("GlobalAveragePool", [x], { shape: [N, C, 1, 1] })], { shape: [N, C] });
}

/** A layer over the channels of images [N,C,H,W]: `layer` takes and gives [N,H,W,C]. */
export function overChannels(graph: Graph, x: Value, layer: (x: Value) => Value): Value {
  return transpose(graph, layer(transpose(graph, x, [0, 2, 3, 1])), [0, 3, 1, 2]);
}

export function transpose(graph: Graph, x: Value, perm: readonly number[]): Value {
  return graph.op("Transpose", [x], { attributes: { perm }, shape: perm.map((axis) => x.shape[axis]!) });
}

/** `extents`: 0 for one of x that stays. */
function reshape(graph: Graph, x: Value, extents: readonly number[], shape: readonly Extent[]): Value {
  return graph.op("Reshape", [x, graph.constant("int64", extents)], { shape });
}
