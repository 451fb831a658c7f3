import type { Addon, DType, Handle } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";

export const addon: Addon = loadAddon();

/** A correct value for one argument of an op. */
export type Spec =
  | { kind: "tensor"; dtype: DType; shape: number[]; written: boolean; optional: boolean }
  | { kind: "tensors"; shapes: number[][]; written: boolean }
  | { kind: "integer" | "number" | "flag" | "flags" | "numbers"; value: unknown; optional: boolean };

export type Call = Record<string, Spec>;

const tensor = (dtype: DType, written: boolean) => ({
  of: (...shape: number[]): Spec => ({ kind: "tensor", dtype, shape, written, optional: false }),
  maybe: (...shape: number[]): Spec => ({ kind: "tensor", dtype, shape, written, optional: true }),
});
const f32 = tensor("f32", false);
const i32 = tensor("i32", false);
const u8 = tensor("u8", false);
const to = tensor("f32", true);
const toI32 = tensor("i32", true);
const reads = (...shapes: number[][]): Spec => ({ kind: "tensors", shapes, written: false });
const moves = (...shapes: number[][]): Spec => ({ kind: "tensors", shapes, written: true });
const integer = (value: number): Spec => ({ kind: "integer", value, optional: false });
const number = (value: number): Spec => ({ kind: "number", value, optional: false });
const flag = (value: boolean, optional = false): Spec => ({ kind: "flag", value, optional });
const flags = (...value: boolean[]): Spec => ({ kind: "flags", value, optional: false });
const numbers = (...value: number[]): Spec => ({ kind: "numbers", value, optional: false });

const channels = { weight: f32.of(5), bias: f32.of(5) };
const image = f32.of(2, 4, 4, 5);
const toImage = to.of(2, 4, 4, 5);
const window = { stride: integer(1), padding: integer(1) };
const normalization = { mean: numbers(0.5, 0.5, 0.5), std: numbers(0.2, 0.2, 0.2) };
const random = { seed: integer(1), stream: integer(2) };
const shapes = [[3], [2, 2]];

/** A correct call of every op. Tensors hold zeros, which every op accepts, even as labels and indices. */
export const ops: Record<string, Call> = {
  linearForward: {
    x: f32.of(2, 3),
    weight: f32.of(4, 3),
    bias: f32.maybe(4),
    residual: f32.maybe(2, 4),
    y: to.of(2, 4),
    geluGrad: to.maybe(2, 4),
    gelu: flag(true, true),
  },
  linearBackwardInput: { dy: f32.of(2, 4), weight: f32.of(4, 3), geluGrad: f32.maybe(2, 3), dx: to.of(2, 3) },
  linearBackwardWeight: { x: f32.of(2, 3), dy: f32.of(2, 4), dweight: to.of(4, 3), dbias: to.maybe(4) },
  geluForward: { x: f32.of(7), y: to.of(7) },
  geluBackward: { x: f32.of(7), dy: f32.of(7), dx: to.of(7) },
  add: { a: f32.of(3, 2), b: f32.of(3, 2), y: to.of(3, 2) },
  multiply: { a: f32.of(3, 2), b: f32.of(3, 2), y: to.of(3, 2) },
  scale: { x: f32.of(3, 2), by: f32.maybe(1), y: to.of(3, 2), factor: number(2) },
  reluForward: { x: f32.of(7), y: to.of(7) },
  reluBackward: { y: f32.of(7), dy: f32.of(7), dx: to.of(7) },
  meanForward: { x: f32.of(3, 2), y: to.of(1) },
  meanBackward: { dy: f32.of(1), dx: to.of(3, 2) },
  meanSquareForward: { x: f32.of(3, 2), target: f32.maybe(3, 2), y: to.of(1) },
  meanSquareBackward: { x: f32.of(3, 2), target: f32.maybe(3, 2), dy: f32.of(1), dx: to.of(3, 2) },
  sumRowsForward: { x: f32.of(3, 2), y: to.of(3, 1) },
  sumRowsBackward: { dy: f32.of(3, 1), dx: to.of(3, 2) },
  logSumExpForward: { x: f32.of(3, 2), y: to.of(3, 1) },
  logSumExpBackward: { x: f32.of(3, 2), dy: f32.of(3, 1), dx: to.of(3, 2) },
  oneHot: { labels: i32.of(3), y: to.of(3, 4) },
  conv2dForward: { x: image, weight: f32.of(6, 5, 3, 3), bias: f32.maybe(6), y: to.of(2, 4, 4, 6), ...window },
  conv2dBackwardInput: { dy: f32.of(2, 4, 4, 6), weight: f32.of(6, 5, 3, 3), dx: toImage, ...window },
  conv2dBackwardWeight: { x: image, dy: f32.of(2, 4, 4, 6), dweight: to.of(6, 5, 3, 3), dbias: to.maybe(6), ...window },
  batchNormForwardTrain: {
    ...{ x: image, ...channels, residual: f32.maybe(2, 4, 4, 5), y: toImage, runningMean: to.of(5), runningVar: to.of(5), mean: to.of(5), rstd: to.of(5) },
    ...{ momentum: number(0.1), eps: number(1e-5), relu: flag(true) },
  },
  batchNormForwardEval: {
    ...{ x: image, ...channels, runningMean: f32.of(5), runningVar: f32.of(5), residual: f32.maybe(2, 4, 4, 5), y: toImage },
    ...{ eps: number(1e-5), relu: flag(true) },
  },
  conv2dNormForward: {
    ...{ x: image, weight: f32.of(6, 5, 3, 3), bias: f32.maybe(6), y: to.of(2, 4, 4, 6), ...window, normWeight: f32.of(6), normBias: f32.of(6) },
    ...{ runningMean: f32.of(6), runningVar: f32.of(6), residual: f32.maybe(2, 4, 4, 6), eps: number(1e-5), relu: flag(true) },
  },
  batchNormBackward: {
    ...{ x: image, dy: image, weight: f32.of(5), mean: f32.of(5), rstd: f32.of(5), y: f32.maybe(2, 4, 4, 5) },
    ...{ dx: toImage, dweight: to.of(5), dbias: to.of(5), dresidual: to.maybe(2, 4, 4, 5), relu: flag(false) },
  },
  layerNormForward: { x: f32.of(2, 3, 5), ...channels, y: to.of(2, 3, 5), mean: to.of(6), rstd: to.of(6), eps: number(1e-6) },
  layerNormBackward: {
    ...{ x: f32.of(2, 3, 5), dy: f32.of(2, 3, 5), weight: f32.of(5), mean: f32.of(6), rstd: f32.of(6) },
    ...{ dx: to.of(2, 3, 5), dweight: to.of(5), dbias: to.of(5) },
  },
  attentionForward: { qkv: f32.of(2, 3, 24), y: to.of(2, 1, 8), logsumexp: to.of(2, 2, 1), heads: integer(2) },
  attentionBackward: { qkv: f32.of(2, 3, 24), y: f32.of(2, 3, 8), dy: f32.of(2, 3, 8), logsumexp: f32.of(2, 2, 3), dqkv: to.of(2, 3, 24), heads: integer(2) },
  embedTokensForward: { patches: f32.of(2, 4, 3), classToken: f32.of(1, 1, 3), position: f32.of(1, 5, 3), y: to.of(2, 5, 3) },
  embedTokensBackward: { dy: f32.of(2, 5, 3), dpatches: to.of(2, 4, 3), dclassToken: to.of(1, 1, 3), dposition: to.of(1, 5, 3) },
  selectTokenForward: { x: f32.of(2, 5, 3), y: to.of(2, 3), index: integer(4) },
  selectTokenBackward: { dy: f32.of(2, 3), dx: to.of(2, 5, 3), index: integer(4) },
  sliceTokensForward: { x: f32.of(2, 5, 3), y: to.of(2, 2, 3), begin: integer(3), end: integer(5) },
  sliceTokensBackward: { dy: f32.of(2, 2, 3), dx: to.of(2, 5, 3), begin: integer(3), end: integer(5) },
  averagePoolForward: { x: image, y: to.of(2, 5) },
  averagePoolBackward: { dy: f32.of(2, 5), dx: toImage },
  resizeGridForward: { x: image, y: to.of(2, 3, 3, 5) },
  resizeGridBackward: { dy: f32.of(2, 3, 3, 5), dx: toImage },
  maxPoolForward: { x: image, y: to.of(2, 2, 2, 5), indices: toI32.of(2, 2, 2, 5), kernel: integer(3), stride: integer(2), padding: integer(1) },
  maxPoolBackward: { dy: f32.of(2, 2, 2, 5), indices: i32.of(2, 2, 2, 5), dx: toImage, kernel: integer(3), stride: integer(2), padding: integer(1) },
  distillationLoss: {
    ...{ student: f32.of(3, 4), teacher: f32.maybe(3, 4), labels: i32.of(3), dstudent: to.maybe(3, 4), loss: to.of(1), metrics: to.of(3) },
    ...{ temperature: number(2), alpha: number(0.5) },
  },
  adamw: {
    ...{ values: moves(...shapes), gradients: reads(...shapes), first: moves(...shapes), second: moves(...shapes), decay: flags(true, false) },
    ...{ step: integer(1), learningRate: number(0.1), beta1: number(0.9), beta2: number(0.9), eps: number(1e-8), weightDecay: number(0) },
  },
  sgd: {
    ...{ values: moves(...shapes), gradients: reads(...shapes), first: moves(...shapes), decay: flags(true, false) },
    ...{ step: integer(1), learningRate: number(0.1), momentum: number(0.9), weightDecay: number(0), nesterov: flag(true) },
  },
  assembleBatch: {
    ...{ images: u8.of(3, 6, 5, 3), indices: i32.of(2), views: i32.maybe(2, 3), y: to.of(2, 4, 4, 3), ...normalization },
  },
  blend: { a: image, b: image, shares: f32.of(2), y: toImage },
  sampleViews: { y: toI32.of(2, 3), crop: integer(2), flip: flag(true), seed: integer(1), epoch: integer(2) },
  prepareImage: { image: u8.of(6, 5, 3), y: to.of(1, 4, 4, 3), ...normalization },
  randomNormal: { y: to.of(9), ...random, mean: number(0), std: number(1) },
  randomUniform: { y: to.of(9), ...random, low: number(0), high: number(1) },
  randomPermutation: { y: toI32.of(9), ...random },
};

/** Outputs may share memory with these. */
export const mayShare: Record<string, [written: string, other: string][]> = {
  linearForward: [["y", "residual"]],
  add: [
    ["y", "a"],
    ["y", "b"],
  ],
};

/** Tensors that may have any shape, whatever the others are. */
export const anyShape: Record<string, string> = { meanForward: "x", meanBackward: "dx", randomNormal: "y", randomUniform: "y" };

/** Runs `body` with the arguments of a correct call; what was allocated for it is released at the end. */
export function withArguments<T>(call: Call, body: (values: Record<string, unknown>) => T): T {
  const handles: Handle[] = [];
  const zeros = (dtype: DType, shape: number[]) => {
    const y = addon.alloc(dtype, shape);
    handles.push(y);
    addon.fill({ y, value: 0 });
    return y;
  };
  const make = (spec: Spec) => {
    if (spec.kind === "tensor") return zeros(spec.dtype, spec.shape);
    return spec.kind === "tensors" ? spec.shapes.map((shape) => zeros("f32", shape)) : spec.value;
  };
  try {
    return body(Object.fromEntries(Object.entries(call).map(([name, spec]) => [name, make(spec)])));
  } finally {
    for (const handle of handles) addon.release(handle);
  }
}

/** Calls a method by name with any arguments, as an untyped program could. */
export function callAny(method: string, ...values: unknown[]): unknown {
  return (addon as unknown as Record<string, (...values: unknown[]) => unknown>)[method]!(...values);
}

/** linearForward -> linear_forward, its name in errors */
export const nameInErrors = (op: string) => op.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
