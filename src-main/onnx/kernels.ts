/** What each op of ops.ts, int8.ts and fit-image.ts computes, by ONNX's definition of opset 17. Products and convolutions are this program's own ops. */
import { conv2d } from "../tensor/ops/conv2d";
import { depthwiseConv2d } from "../tensor/ops/depthwise-conv2d";
import { linear } from "../tensor/ops/linear";
import { fromArray, scope } from "../tensor/tensor";
import { arrayOf, broadcastIndex, broadcastShape, eachAt, floatArray, type NdArray, type Numbers, sizeOf, stridesOf, typeNamed } from "./array";
import { transposed } from "./ops";
import type { DataType } from "./proto";

/** Attributes by name; a float or whole number is one value. */
export type Attributes = Readonly<Record<string, readonly number[]>>;
type Kernel = (inputs: readonly NdArray[], attributes: Attributes) => NdArray | readonly NdArray[];

// ---- Element by element -----------------------------------------------------------------------------------------------------------------

const unary =
  (compute: (x: number) => number): Kernel =>
  ([x]) =>
    arrayOf(x!.type, x!.shape, (i) => compute(x!.values[i]!));

const binary =
  (compute: (a: number, b: number, type: DataType) => number, type?: DataType): Kernel =>
  ([a, b]) => {
    const shape = broadcastShape([a!.shape, b!.shape]);
    const [atA, atB] = [broadcastIndex(a!, shape), broadcastIndex(b!, shape)];
    const [valuesA, valuesB] = [a!.values, b!.values];
    return arrayOf(type ?? a!.type, shape, (i) => compute(valuesA[atA ? atA(i) : i]!, valuesB[atB ? atB(i) : i]!, a!.type));
  };

const isWhole = (type: DataType) => type !== "float" && type !== "double";

const where: Kernel = ([condition, a, b]) => {
  const shape = broadcastShape([condition!.shape, a!.shape, b!.shape]);
  const [atC, atA, atB] = [condition!, a!, b!].map((each) => broadcastIndex(each, shape));
  return arrayOf(a!.type, shape, (i) => (condition!.values[atC ? atC(i) : i] ? a!.values[atA ? atA(i) : i]! : b!.values[atB ? atB(i) : i]!));
};

/** Numerical Recipes' erfcc: relative error of 1 - erf below 1.2e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const terms = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368];
  const complement = t * Math.exp(-x * x - 1.26551223 + t * terms.reduce((sum, term) => sum * t + term, 0));
  return x >= 0 ? 1 - complement : complement - 1;
}

// ---- Shapes -----------------------------------------------------------------------------------------------------------------------------

const numbersOf = (x: NdArray | undefined): number[] => Array.from(x?.values ?? []);

const reshape: Kernel = ([x, wanted]) => ({ ...x!, shape: numbersOf(wanted).map((extent, axis) => (extent === 0 ? x!.shape[axis]! : extent)) });

const transpose: Kernel = ([x], { perm }) => {
  const strides = stridesOf(x!.shape);
  return picked(
    x!,
    perm!.map((axis) => x!.shape[axis]!),
    perm!.map((axis) => strides[axis]!),
  );
};

/** The elements of x in another shape, by strides. */
function picked(x: NdArray, shape: readonly number[], strides: readonly number[], start = 0): NdArray {
  const y = arrayOf(x.type, shape, () => 0);
  eachAt(
    shape,
    strides,
    (from, at) => {
      y.values[at] = x.values[from]!;
    },
    start,
  );
  return y;
}

const expand: Kernel = ([x, wanted]) => {
  const shape = broadcastShape([x!.shape, numbersOf(wanted)]);
  const index = broadcastIndex(x!, shape);
  return arrayOf(x!.type, shape, (i) => x!.values[index ? index(i) : i]!);
};

/** One index, which takes its axis away. */
const gather: Kernel = ([x, index], { axis: [axis] = [0] }) => {
  const strides = stridesOf(x!.shape);
  const others = (values: readonly number[]) => values.filter((_, each) => each !== axis);
  return picked(x!, others(x!.shape), others(strides), index!.values[0]! * strides[axis!]!);
};

const slice: Kernel = ([x, from, to, axes]) => {
  const [begin, end, axis] = [from, to, axes].map((each) => each!.values[0]!) as [number, number, number];
  const strides = stridesOf(x!.shape);
  return picked(
    x!,
    x!.shape.map((extent, each) => (each === axis ? Math.min(end, extent) - begin : extent)),
    strides,
    begin * strides[axis]!,
  );
};

const concat: Kernel = (inputs, { axis: [axis] = [0] }) => {
  const extents = inputs.map(({ shape }) => shape[axis!]!);
  const shape = inputs[0]!.shape.map((extent, each) => (each === axis ? extents.reduce((sum, part) => sum + part, 0) : extent));
  const y = arrayOf(inputs[0]!.type, shape, () => 0);
  const strides = stridesOf(shape);
  let begin = 0;
  for (const [n, { shape, values }] of inputs.entries()) {
    eachAt(
      shape,
      strides,
      (to, at) => {
        y.values[to] = values[at]!;
      },
      begin * strides[axis!]!,
    );
    begin += extents[n]!;
  }
  return y;
};

const shapeOf: Kernel = ([x], { start: [start] = [0], end: [end] = [x!.shape.length] }) => {
  const extents = x!.shape.slice(start, end);
  return arrayOf("int64", [extents.length], (i) => extents[i]!);
};

const range: Kernel = ([from, to, by]) => {
  const [begin, end, step] = [from, to, by].map((each) => each!.values[0]!) as [number, number, number];
  return arrayOf(from!.type, [Math.max(0, Math.ceil((end - begin) / step))], (i) => begin + i * step);
};

/** The last axis, which stays as one of 1. */
const reduceSum: Kernel = ([x]) => {
  const length = x!.shape.at(-1)!;
  return arrayOf(x!.type, [...x!.shape.slice(0, -1), 1], (row) => {
    let sum = 0;
    for (let at = row * length; at < (row + 1) * length; at++) sum += x!.values[at]!;
    return sum;
  });
};

// ---- Rows -------------------------------------------------------------------------------------------------------------------------------

/** A new array, row by row along the last axis. */
function byRows(x: NdArray, compute: (row: Float32Array, y: Float32Array) => void): NdArray {
  const y = floatArray(x.shape, new Float32Array(x.values.length));
  const length = x.shape.at(-1)!;
  for (let at = 0; at < x.values.length; at += length)
    compute((x.values as Float32Array).subarray(at, at + length), (y.values as Float32Array).subarray(at, at + length));
  return y;
}

const softmax: Kernel = ([x]) =>
  byRows(x!, (row, y) => {
    const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (let i = 0; i < row.length; i++) {
      y[i] = Math.exp(row[i]! - most);
      sum += y[i]!;
    }
    for (let i = 0; i < row.length; i++) y[i]! /= sum;
  });

const layerNormalization: Kernel = ([x, scale, bias], { epsilon }) =>
  byRows(x!, (row, y) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    const factor = 1 / Math.sqrt(variance + epsilon![0]!);
    for (let i = 0; i < row.length; i++) y[i] = (row[i]! - mean) * factor * scale!.values[i]! + bias!.values[i]!;
  });

// ---- Products ---------------------------------------------------------------------------------------------------------------------------

/** [M,I] times weight^T [O,I] -> [M,O], all floats */
function times(x: Float32Array, weight: Float32Array, I: number, bias: Float32Array | null = null): Float32Array {
  const [M, O] = [x.length / I, weight.length / I];
  return scope(() => linear(fromArray(x, [M, I]), fromArray(weight, [O, I]), bias && fromArray(bias, [O])).toFloat32());
}

const gemm: Kernel = ([x, weight, bias]) => {
  const [O, I] = weight!.shape as [number, number];
  return floatArray([x!.shape[0]!, O], times(x!.values as Float32Array, weight!.values as Float32Array, I, bias!.values as Float32Array));
};

/** b is one matrix for all of a, or a is one for all of b, or both have the same axes. */
const matMul: Kernel = ([a, b]) => {
  const [M, I] = a!.shape.slice(-2) as [number, number];
  const O = b!.shape.at(-1)!;
  const isDouble = a!.type === "double";
  if (b!.shape.length === 2 && !isDouble) return floatArray([...a!.shape.slice(0, -1), O], times(a!.values as Float32Array, turnedWeight(b!), I));
  const outer = a!.shape.length >= b!.shape.length ? a!.shape.slice(0, -2) : b!.shape.slice(0, -2);
  const y = arrayOf(a!.type, [...outer, M, O], () => 0);
  for (let n = 0; n < sizeOf(outer); n++) {
    const [valuesA, valuesB] = [part(a!, n, M * I), part(b!, n, I * O)];
    const product = isDouble ? doubleProduct(valuesA, valuesB, I, O) : times(valuesA as Float32Array, transposed(valuesB as Float32Array, I, O), I);
    y.values.set(product, n * M * O);
  }
  return y;
};

/** A matrix [I,O] as [O,I], less `zero`, made once: weights are the same for every image. */
function turnedWeight({ shape: [I, O], values }: NdArray, zero = 0): Float32Array {
  const known = turnedWeights.get(values);
  if (known) return known;
  const turned = transposed(
    Float32Array.from(values, (value) => value - zero),
    I!,
    O!,
  );
  turnedWeights.set(values, turned);
  return turned;
}
const turnedWeights = new WeakMap<Numbers, Float32Array>();

/** The n-th matrix, or the only one. */
const part = ({ values }: NdArray, n: number, size: number) => values.subarray((n * size) % values.length, ((n * size) % values.length) + size);

function doubleProduct(a: ArrayLike<number>, b: ArrayLike<number>, I: number, O: number): Float64Array {
  const M = a.length / I;
  const y = new Float64Array(M * O);
  for (let m = 0; m < M; m++) {
    for (let i = 0; i < I; i++) {
      const factor = a[m * I + i]!;
      if (factor !== 0) for (let o = 0; o < O; o++) y[m * O + o]! += factor * b[i * O + o]!;
    }
  }
  return y;
}

// ---- Bytes ------------------------------------------------------------------------------------------------------------------------------

const dynamicQuantizeLinear: Kernel = ([x]) => {
  const values = x!.values as Float32Array;
  const [least, most] = [values.reduce((low, value) => Math.min(low, value), 0), values.reduce((high, value) => Math.max(high, value), 0)];
  const scale = Math.fround(Math.fround(most - least) / 255);
  const zero = scale === 0 ? 0 : Math.min(255, Math.max(0, halfToEven(Math.fround(-least / scale))));
  const bytes = arrayOf("uint8", x!.shape, (i) => (scale === 0 ? 0 : Math.min(255, Math.max(0, halfToEven(Math.fround(values[i]! / scale)) + zero))));
  return [bytes, arrayOf("float", [], () => scale), arrayOf("uint8", [], () => zero)];
};

function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const matMulInteger: Kernel = ([a, b, zeroA, zeroB]) => {
  const [shift, bytes] = [zeroA!.values[0]!, a!.values];
  const centred = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) centred[i] = bytes[i]! - shift;
  const sums = times(centred, turnedWeight(b!, zeroB!.values[0]!), b!.shape[0]!);
  return arrayOf("int32", [...a!.shape.slice(0, -1), b!.shape[1]!], (i) => Math.round(sums[i]!));
};

// ---- Images -----------------------------------------------------------------------------------------------------------------------------

const channelsLast = (x: NdArray) => transpose([x], { perm: [0, 2, 3, 1] }) as NdArray;
const channelsFirst = (x: NdArray) => transpose([x], { perm: [0, 3, 1, 2] }) as NdArray;

/** [N,C,H,W], more by `value` above, left, below and right. */
function padded(x: NdArray, [above, left, below, right]: readonly number[], value: number): NdArray {
  if (above! + left! + below! + right! === 0) return x;
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const shape = [N, C, H + above! + below!, W + left! + right!];
  const y = arrayOf(x.type, shape, () => value);
  const strides = stridesOf(shape);
  eachAt(
    x.shape,
    strides,
    (to, at) => {
      y.values[to] = x.values[at]!;
    },
    above! * strides[2]! + left!,
  );
  return y;
}

const conv: Kernel = ([x, weight, bias], { strides, pads, group: [group] = [1] }) => {
  const input = channelsLast(padded(x!, pads!, 0));
  const y = scope(() => {
    const convolve = group === 1 ? conv2d : depthwiseConv2d;
    const images = fromArray(input.values as Float32Array, input.shape);
    const factors = fromArray(weight!.values as Float32Array, weight!.shape);
    const result = convolve(images, factors, bias ? fromArray(bias.values as Float32Array, bias.shape) : null, { stride: strides![0]!, padding: 0 });
    return floatArray(result.shape, result.toFloat32());
  });
  return channelsFirst(y);
};

const maxPool: Kernel = ([x], { kernel_shape: [kernel] = [1], strides: [stride] = [1], pads }) => {
  const from = padded(x!, pads!, Number.NEGATIVE_INFINITY);
  const [N, C, H, W] = from.shape as [number, number, number, number];
  const [P, Q] = [H, W].map((extent) => Math.floor((extent - kernel!) / stride!) + 1) as [number, number];
  return arrayOf("float", [N, C, P, Q], (i) => {
    const [channel, p, q] = [Math.floor(i / (P * Q)), Math.floor(i / Q) % P, i % Q];
    let most = Number.NEGATIVE_INFINITY;
    for (let r = 0; r < kernel!; r++)
      for (let s = 0; s < kernel!; s++) most = Math.max(most, from.values[(channel * H + p * stride! + r) * W + q * stride! + s]!);
    return most;
  });
};

const globalAveragePool: Kernel = ([x]) => {
  const [N, C, H, W] = x!.shape as [number, number, number, number];
  const area = H * W;
  return arrayOf("float", [N, C, 1, 1], (i) => {
    let sum = 0;
    for (let at = i * area; at < (i + 1) * area; at++) sum += x!.values[at]!;
    return sum / area;
  });
};

export const kernels: Readonly<Record<string, Kernel>> = {
  Abs: unary(Math.abs),
  Add: binary((a, b) => a + b),
  And: binary((a, b) => a && b, "bool"),
  Cast: ([x], { to }) => arrayOf(typeNamed(to![0]!), x!.shape, (i) => x!.values[i]!),
  Clip: ([x, least, most]) => arrayOf(x!.type, x!.shape, (i) => Math.min(most!.values[0]!, Math.max(least!.values[0]!, x!.values[i]!))),
  Concat: concat,
  Conv: conv,
  Div: binary((a, b, type) => (isWhole(type) ? Math.trunc(a / b) : a / b)),
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  Equal: binary((a, b) => Number(a === b), "bool"),
  Erf: unary(erf),
  Expand: expand,
  Flatten: ([x]) => ({ ...x!, shape: [x!.shape[0]!, sizeOf(x!.shape.slice(1))] }),
  Floor: unary(Math.floor),
  Gather: gather,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  Identity: ([x]) => x!,
  LayerNormalization: layerNormalization,
  Less: binary((a, b) => Number(a < b), "bool"),
  MatMul: matMul,
  MatMulInteger: matMulInteger,
  Max: binary((a, b) => Math.max(a, b)),
  MaxPool: maxPool,
  Min: binary((a, b) => Math.min(a, b)),
  Mod: binary((a, b) => a % b),
  Mul: binary((a, b) => a * b),
  Range: range,
  ReduceSum: reduceSum,
  Relu: unary((x) => Math.max(x, 0)),
  Reshape: reshape,
  Shape: shapeOf,
  Slice: slice,
  Softmax: softmax,
  Sub: binary((a, b) => a - b),
  Transpose: transpose,
  Where: where,
};
