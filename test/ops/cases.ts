import { readFileSync } from "node:fs";
import type { Addon, Isa } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import { add } from "../../src-main/tensor/ops/add";
import { argmax } from "../../src-main/tensor/ops/argmax";
import { assembleBatch, sampleViews } from "../../src-main/tensor/ops/assemble-batch";
import { attention } from "../../src-main/tensor/ops/attention";
import { averagePool } from "../../src-main/tensor/ops/average-pool";
import { batchNorm } from "../../src-main/tensor/ops/batch-norm";
import { blend } from "../../src-main/tensor/ops/blend";
import { conv2d } from "../../src-main/tensor/ops/conv2d";
import { conv2dNorm } from "../../src-main/tensor/ops/conv2d-norm";
import { depthwiseConv2d } from "../../src-main/tensor/ops/depthwise-conv2d";
import { depthwiseConv2dNorm } from "../../src-main/tensor/ops/depthwise-conv2d-norm";
import { distillationLoss } from "../../src-main/tensor/ops/distillation-loss";
import { embedTokens } from "../../src-main/tensor/ops/embed-tokens";
import { energyMap } from "../../src-main/tensor/ops/energy-map";
import { gelu } from "../../src-main/tensor/ops/gelu";
import { layerNorm } from "../../src-main/tensor/ops/layer-norm";
import { linear } from "../../src-main/tensor/ops/linear";
import { logSumExp } from "../../src-main/tensor/ops/log-sum-exp";
import { maxPool } from "../../src-main/tensor/ops/max-pool";
import { mean } from "../../src-main/tensor/ops/mean";
import { meanSquare } from "../../src-main/tensor/ops/mean-square";
import { mlp } from "../../src-main/tensor/ops/mlp";
import { multiply } from "../../src-main/tensor/ops/multiply";
import { oneHot } from "../../src-main/tensor/ops/one-hot";
import { type AdamWParameter, accumulate, adamw, clipNorm, sgd } from "../../src-main/tensor/ops/optimizer";
import { relu } from "../../src-main/tensor/ops/relu";
import { resizeGrid } from "../../src-main/tensor/ops/resize-grid";
import { scale } from "../../src-main/tensor/ops/scale";
import { scaleRows } from "../../src-main/tensor/ops/scale-rows";
import { selectToken } from "../../src-main/tensor/ops/select-token";
import { sliceTokens } from "../../src-main/tensor/ops/slice-tokens";
import { sumRows } from "../../src-main/tensor/ops/sum-rows";
import { swapAxes } from "../../src-main/tensor/ops/swap-axes";
import { backward, fromArray, full, noGrad, scope, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { product, uniform, whole } from "../reference/formula";

/** One line of cases.json, from which make_ops.py makes the golden values. */
export interface Case {
  op: keyof typeof ops;
  /** Unique; inputs are `formula` of it. */
  name: string;
  inputs: Record<string, Input>;
  // biome-ignore lint/suspicious/noExplicitAny: the options of all ops
  options?: any;
  /** Gradient of the first output; left out: by formula. */
  dy?: number[];
  /** false: fp32 cannot show the gradient by finite differences. */
  differences?: boolean;
  /** A real model's size, too slow for the scalar reference: only faster variants run it. */
  large?: boolean;
}

/** A formula: offset + scale times numbers in -1 ... 1 or, with `below`, times whole numbers in 0 ... below - 1. */
export interface Input {
  shape: number[];
  scale?: number;
  offset?: number;
  below?: number;
  /** Left out: f32. */
  dtype?: "i32" | "u8";
  /** No gradient is needed. */
  constant?: boolean;
}

export const cases: Case[] = JSON.parse(readFileSync(new URL("cases.json", import.meta.url), "utf8"));

export const addon: Addon = loadAddon(process.env.DISTILL_TEST_ADDON);
useBackend(addon);
/** All instruction sets that this machine can run. */
export const isas: Isa[] = addon.cpuFeatures().isas;

export type Values = Record<string, Float32Array>;
type Tensors = Record<string, Tensor>;

/** The activations of an op that are stored in bf16 ("y" is its output), for each way in which it is used. */
const bf16Storages: Partial<Record<string, string[][]>> = {
  linear: [["x", "residual", "y"], ["x"]],
  mlp: [["x"], ["x", "residual"]],
  gelu: [["x"]],
  add: [["a", "b"]],
  relu: [["x"]],
  mean: [["x"]],
  meanSquare: [["x"], ["target"], ["x", "target"]],
  energyMap: [["x"]],
  conv2d: [["x"]],
  depthwiseConv2d: [["x"]],
  batchNorm: [["x", "residual"]],
  conv2dNorm: [["x", "residual"]],
  depthwiseConv2dNorm: [["x", "residual"]],
  layerNorm: [["x", "y"], ["y"]],
  attention: [["qkv"]],
  embedTokens: [["patches"]],
  selectToken: [["x"]],
  sliceTokens: [["x"]],
  averagePool: [["x"]],
  resizeGrid: [["x"]],
  maxPool: [["x"]],
  swapAxes: [["x"]],
  assembleBatch: [["y"]],
  blend: [["a", "b"]],
};

export interface Bf16Case extends Case {
  /** Names of the tensors stored in bf16. */
  stored: string[];
}

/** A case of an op with activations, once for each way. */
export const inBf16 = (test: Case): Bf16Case[] => (bf16Storages[test.op] ?? []).map((stored) => ({ ...test, stored }));
export const bf16Cases: Bf16Case[] = cases.flatMap(inBf16);

/** Tolerated relative L2 error of the CUDA kernels against the scalar reference in the same precision. */
export const CUDA_TOLERANCES = { fp32: 1e-5, bf16: 1e-2 };

/** How each op is called: inputs and options of a case -> outputs, the differentiable one first. */
// biome-ignore lint/suspicious/noExplicitAny: inputs and options come from the JSON file
const ops: Record<string, (inputs: any, options: any) => Tensors> = {
  linear: ({ x, weight, bias, residual }, options) => ({ y: linear(x, weight, bias, { ...options, residual }) }),
  mlp: ({ x, weight1, bias1, weight2, bias2, residual }) => ({
    y: mlp(x, { weight: weight1, bias: bias1 }, { weight: weight2, bias: bias2 }, { residual }),
  }),
  gelu: ({ x }) => ({ y: gelu(x) }),
  add: ({ a, b }) => ({ y: add(a, b) }),
  multiply: ({ a, b }) => ({ y: multiply(a, b) }),
  scale: ({ x, by }, { factor }) => ({ y: scale(x, factor, by) }),
  scaleRows: ({ x, factors }) => ({ y: scaleRows(x, factors) }),
  relu: ({ x }) => ({ y: relu(x) }),
  mean: ({ x }) => ({ y: mean(x) }),
  meanSquare: ({ x, target }) => ({ y: meanSquare(x, target ?? null) }),
  sumRows: ({ x }) => ({ y: sumRows(x) }),
  logSumExp: ({ x }) => ({ y: logSumExp(x) }),
  oneHot: ({ labels }, { classes }) => ({ y: oneHot(labels, classes) }),
  argmax: ({ x }) => ({ y: argmax(x) }),
  energyMap: ({ x }) => ({ y: energyMap(x) }),
  conv2d: ({ x, weight, bias }, { stride, padding }) => ({ y: conv2d(x, weight, bias, { stride, padding }) }),
  depthwiseConv2d: ({ x, weight, bias }, { stride, padding }) => ({ y: depthwiseConv2d(x, weight, bias, { stride, padding }) }),
  batchNorm: ({ x, residual, ...state }, options) => ({ y: batchNorm(x, state, { ...options, residual }), ...averages(state) }),
  conv2dNorm: ({ x, weight, bias, residual, normWeight, normBias, runningMean, runningVar }, options) => ({
    y: noGrad(() => conv2dNorm(x, weight, bias, { weight: normWeight, bias: normBias, runningMean, runningVar }, { ...options, residual })),
  }),
  depthwiseConv2dNorm: ({ x, weight, bias, residual, normWeight, normBias, runningMean, runningVar }, options) => ({
    y: noGrad(() => depthwiseConv2dNorm(x, weight, bias, { weight: normWeight, bias: normBias, runningMean, runningVar }, { ...options, residual })),
  }),
  layerNorm: ({ x, weight, bias }, { eps, dtype }) => ({ y: layerNorm(x, weight, bias, eps, dtype) }),
  attention: ({ qkv }, { heads, queries }) => ({ y: attention(qkv, heads, queries) }),
  embedTokens: ({ patches, classToken, position }) => ({ y: embedTokens(patches, classToken, position) }),
  selectToken: ({ x }, { index }) => ({ y: selectToken(x, index) }),
  sliceTokens: ({ x }, { begin, end }) => ({ y: sliceTokens(x, begin, end) }),
  averagePool: ({ x }) => ({ y: averagePool(x) }),
  resizeGrid: ({ x }, { side }) => ({ y: resizeGrid(x, side) }),
  maxPool: ({ x }, options) => ({ y: maxPool(x, options) }),
  swapAxes: ({ x }) => ({ y: swapAxes(x) }),
  distillationLoss: ({ student, labels, labelWeights, teacher }, options) => ({
    ...distillationLoss(student, { labels, labelWeights, soft: teacher && { teacher, ...options } }),
  }),
  adamw: (inputs, options) => optimize(inputs, (parameters, step) => adamw(parameters, { ...options, step })),
  sgd: (inputs, options) => optimize(inputs, (parameters, step) => sgd(parameters, { ...options, step })),
  accumulate: ({ first, second, firstGradient, secondGradient }, { keep, share }) => {
    accumulate([first, second], [firstGradient, secondGradient], { keep, share });
    return { first, second };
  },
  clipNorm: ({ first, second }, { most }) => ({ norm: clipNorm([first, second], most), first, second }),
  assembleBatch: ({ images, indices, ...views }, options) => ({ y: assembleBatch(images, indices, views, options) }),
  blend: ({ a, b, shares, boxes }) => ({ y: blend(a, b, shares, boxes ?? null) }),
  sampleViews: (_, { count, ...options }) => ({ y: sampleViews(count, options) }),
};

const averages = ({ runningMean, runningVar }: Tensors) => ({ runningMean: runningMean!, runningVar: runningVar! });

/** A step per gradient, over two parameters, one of them without decay. */
function optimize(inputs: Tensors, update: (parameters: AdamWParameter[], step: number) => void): Tensors {
  const { decayed, plain } = { decayed: parameter(inputs.decayed!, true), plain: parameter(inputs.plain!, false) };
  const steps = inputs.decayedGradients!.shape[0]!;
  for (let step = 1; step <= steps; step++) {
    decayed.value.grad = slice(inputs.decayedGradients!, step - 1);
    plain.value.grad = slice(inputs.plainGradients!, step - 1);
    update([decayed, plain], step);
  }
  return {
    decayed: decayed.value,
    plain: plain.value,
    "decayed.first": decayed.first,
    "plain.first": plain.first,
    "decayed.second": decayed.second,
    "plain.second": plain.second,
  };
}

const parameter = (value: Tensor, decay: boolean) => ({ value, decay, first: full(value.shape, 0), second: full(value.shape, 0) });

/** Item i along the first axis, as a token of that index. */
function slice(x: Tensor, i: number): Tensor {
  const [count, ...shape] = x.shape;
  return noGrad(() => selectToken(x.reshape([1, count!, product(shape)]), i).reshape(shape));
}

export function inputValues({ name, inputs }: Case): Values {
  return Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, inputOf(`${name}/${key}`, input)]));
}

function inputOf(name: string, { shape, scale = 1, offset = 0, below }: Input): Float32Array {
  if (below === undefined) return uniform(name, product(shape), scale, offset);
  return Float32Array.from(whole(name, product(shape), below), (value) => offset + scale * value);
}

/** Gradient of the first output. */
export function outputGradient({ name, dy }: Case, size: number): Float32Array {
  return dy ? Float32Array.from(dy) : uniform(`${name}/dy`, size);
}

/** Outputs by name, and gradients of the inputs with a d before their names where the op has them. */
export function run(test: Case | Bf16Case, values: Values = inputValues(test)): Values {
  return scope(() => {
    const inputs = inputTensors(test, (name, { shape, dtype }, floats) => {
      const given = values[name]!;
      return fromArray(dtype === "i32" ? Int32Array.from(given) : dtype === "u8" ? Uint8Array.from(given) : given, shape, floats);
    });
    const results = resultTensors(test, inputs, (y) => fromArray(outputGradient(test, y.size), y.shape, y.dtype as "f32" | "bf16"));
    return mapValues(results, (tensor) => (tensor.dtype === "i32" ? Float32Array.from(tensor.toInt32()) : tensor.toFloat32()));
  });
}

/** Inputs by name, each made by `make`, which receives the floating-point type. */
export function inputTensors(test: Case | Bf16Case, make: (name: string, input: Input, floats: "f32" | "bf16") => Tensor): Tensors {
  return mapValues(test.inputs, (input, name) => {
    const tensor = make(name, input, dtypeOf(test, name));
    tensor.requiresGrad = !input.dtype && !input.constant;
    return tensor;
  });
}

/** The results of `run` as tensors; `gradient` makes the gradient of the first output. */
export function resultTensors(test: Case | Bf16Case, inputs: Tensors, gradient: (y: Tensor) => Tensor): Tensors {
  const outputs = ops[test.op]!(inputs, { ...test.options, dtype: dtypeOf(test, "y") });
  const y = Object.values(outputs)[0]!;
  if (!y.node) return outputs;
  backward(y, gradient(y));
  return { ...outputs, ...Object.fromEntries(Object.entries(inputs).flatMap(([name, { grad }]) => (grad ? [[`d${name}`, grad]] : []))) };
}

const dtypeOf = (test: Case | Bf16Case, name: string) => ("stored" in test && test.stored.includes(name) ? "bf16" : "f32");

function mapValues<A, B>(object: Record<string, A>, change: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}
