// What every op of the addon takes, at any extents: for tests of its border, and for its fuzz.
import type { DType, Padding } from "../../src-main/backend/addon";

/** A correct value for one argument of an op. */
export type Spec =
  | { kind: "tensor"; dtype: DType; shape: number[]; written: boolean; optional: boolean; activation: boolean }
  | { kind: "tensors"; shapes: number[][]; written: boolean }
  | { kind: "integer" | "number" | "choice" | "flags" | "numbers"; value: unknown; optional: boolean }
  /** fixed: the shapes of other arguments follow from it. */
  | { kind: "flag"; value: boolean; optional: boolean; fixed: boolean };

export type Call = Record<string, Spec>;

/** Extents by the letters of native/ops.h where there is one. T and M are numbers of tokens, M of rows too. */
export interface Extents {
  N: number;
  M: number;
  T: number;
  D: number;
  /** Classes, or outputs of a linear layer. */
  K: number;
  A: number;
  E: number;
  /** Queries, at most M. */
  Q: number;
  H: number;
  W: number;
  C: number;
  O: number;
  R: number;
  S: number;
  /** Whether convolutions and pools take images [H,W,N,C]. */
  hwnc: boolean;
  /** Of the convolution. */
  stride: number;
  padding: Padding;
  /** Of the pool. */
  window: { kernel: number; stride: number; padding: number };
  /** Side of what images are resized to. */
  Z: number;
  index: number;
  begin: number;
  end: number;
  crop: number;
  /** Of the parameters that an optimizer updates. */
  shapes: number[][];
}

/** Small, and mostly different. */
export const usual: Extents = {
  ...{ N: 2, M: 3, T: 5, D: 3, K: 4, A: 2, E: 4, Q: 1, H: 4, W: 4, C: 5, O: 6, R: 3, S: 3, hwnc: false, stride: 1, padding: 1, Z: 4 },
  ...{ window: { kernel: 3, stride: 2, padding: 1 }, index: 4, begin: 3, end: 5, crop: 2, shapes: [[3], [2, 2]] },
};

const tensor = (dtype: DType, written: boolean, activation = false) => ({
  of: (...shape: number[]): Spec => ({ kind: "tensor", dtype, shape, written, optional: false, activation }),
  maybe: (...shape: number[]): Spec => ({ kind: "tensor", dtype, shape, written, optional: true, activation }),
});
const f32 = tensor("f32", false);
const i32 = tensor("i32", false);
const u8 = tensor("u8", false);
const to = tensor("f32", true);
const toI32 = tensor("i32", true);
/** Activations, which may be stored in bf16. */
const act = tensor("f32", false, true);
const toAct = tensor("f32", true, true);
const reads = (shapes: number[][]): Spec => ({ kind: "tensors", shapes, written: false });
const moves = (shapes: number[][]): Spec => ({ kind: "tensors", shapes, written: true });
const integer = (value: number): Spec => ({ kind: "integer", value, optional: false });
const choice = (value: string): Spec => ({ kind: "choice", value, optional: false });
const number = (value: number): Spec => ({ kind: "number", value, optional: false });
const flag = (value: boolean, optional = false): Spec => ({ kind: "flag", value, optional, fixed: false });
const fixedFlag = (value: boolean): Spec => ({ kind: "flag", value, optional: !value, fixed: true });
const flags = (value: boolean[]): Spec => ({ kind: "flags", value, optional: false });
const numbers = (...value: number[]): Spec => ({ kind: "numbers", value, optional: false });

/** Positions of a window along an extent. */
const places = (extent: number, window: number, stride: number, padding: Padding) =>
  padding === "same" ? Math.ceil(extent / stride) : Math.floor((extent + 2 * padding - window) / stride) + 1;

/** A correct call of every op. Tensors may hold zeros, which every op accepts, even as labels and indices. */
export function callsAt(extents: Extents): Record<string, Call> {
  const { N, M, T, D, K, A, E, Q, H, W, C, O, R, S, hwnc, stride, padding, Z, shapes } = extents;
  const { index, begin, end, crop, window } = extents;
  const image = act.of(N, H, W, C);
  const toImage = toAct.of(N, H, W, C);
  /** Images as convolutions and pools take them. */
  const laid = (H: number, W: number, C: number) => (hwnc ? [H, W, N, C] : [N, H, W, C]);
  const [windows, toWindows] = [act.of(...laid(H, W, C)), toAct.of(...laid(H, W, C))];
  const channels = { weight: f32.of(C), bias: f32.of(C) };
  const convolved = laid(places(H, R, stride, padding), places(W, S, stride, padding), O);
  const slides = { stride: integer(stride), padding: padding === "same" ? choice(padding) : integer(padding), hwnc: fixedFlag(hwnc) };
  const convolvedAlone = [...convolved.slice(0, 3), C];
  const pooled = laid(places(H, window.kernel, window.stride, window.padding), places(W, window.kernel, window.stride, window.padding), C);
  const pools = { kernel: integer(window.kernel), stride: integer(window.stride), padding: integer(window.padding), hwnc: fixedFlag(hwnc) };
  const normalization = { mean: numbers(0.5, 0.5, 0.5), std: numbers(0.2, 0.2, 0.2) };
  const random = { seed: integer(1), stream: integer(2) };
  return {
    linearForward: {
      ...{ x: act.of(N, D), weight: f32.of(K, D), bias: f32.maybe(K), residual: act.maybe(N, K), y: toAct.of(N, K), geluGrad: toAct.maybe(N, K) },
      gelu: flag(true, true),
    },
    linearBackwardInput: { dy: act.of(N, K), weight: f32.of(K, D), geluGrad: act.maybe(N, D), dx: toAct.of(N, D) },
    linearBackwardWeight: { x: act.of(N, D), dy: act.of(N, K), dweight: to.of(K, D), dbias: to.maybe(K) },
    mlpForward: {
      ...{ x: act.of(N, D), firstWeight: f32.of(M, D), firstBias: f32.of(M), hidden: toAct.of(N, M), geluGrad: toAct.maybe(N, M) },
      ...{ secondWeight: f32.of(K, M), secondBias: f32.of(K), residual: act.maybe(N, K), y: toAct.of(N, K) },
    },
    mlpBackwardInput: {
      ...{ dy: act.of(N, K), secondWeight: f32.of(K, M), geluGrad: act.of(N, M), dhidden: toAct.of(N, M) },
      ...{ firstWeight: f32.of(M, D), dx: toAct.of(N, D) },
    },
    geluForward: { x: act.of(N, M), y: toAct.of(N, M) },
    geluBackward: { x: act.of(N, M), dy: act.of(N, M), dx: toAct.of(N, M) },
    add: { a: act.of(M, N), b: act.of(M, N), y: toAct.of(M, N) },
    multiply: { a: f32.of(M, N), b: f32.of(M, N), y: to.of(M, N) },
    scale: { x: f32.of(M, N), by: f32.maybe(1), y: to.of(M, N), factor: number(2) },
    scaleRowsForward: { x: f32.of(M, N), factors: f32.of(M), y: to.of(M, N) },
    scaleRowsBackward: { x: f32.of(M, N), factors: f32.of(M), dy: f32.of(M, N), dx: to.of(M, N), dfactors: to.of(M) },
    reluForward: { x: act.of(N, M), y: toAct.of(N, M) },
    reluBackward: { y: act.of(N, M), dy: act.of(N, M), dx: toAct.of(N, M) },
    meanForward: { x: act.of(M, N), y: to.of(1) },
    meanBackward: { dy: f32.of(1), dx: toAct.of(M, N) },
    meanSquareForward: { x: act.of(M, N), target: act.maybe(M, N), y: to.of(1) },
    meanSquareBackward: { x: act.of(M, N), target: act.maybe(M, N), dy: f32.of(1), dx: toAct.of(M, N) },
    sumRowsForward: { x: f32.of(M, N), y: to.of(M, 1) },
    sumRowsBackward: { dy: f32.of(M, 1), dx: to.of(M, N) },
    logSumExpForward: { x: f32.of(M, N), y: to.of(M, 1) },
    logSumExpBackward: { x: f32.of(M, N), dy: f32.of(M, 1), dx: to.of(M, N) },
    oneHot: { labels: i32.of(M), y: to.of(M, K) },
    argmax: { x: f32.of(M, K), y: toI32.of(M) },
    energyMapForward: { x: act.of(N, M, C), y: to.of(N, M), norm: to.of(N) },
    energyMapBackward: { x: act.of(N, M, C), y: f32.of(N, M), norm: f32.of(N), dy: f32.of(N, M), dx: toAct.of(N, M, C) },
    conv2dForward: { x: windows, weight: f32.of(O, C, R, S), bias: f32.maybe(O), y: toAct.of(...convolved), ...slides },
    conv2dBackwardInput: { dy: act.of(...convolved), weight: f32.of(O, C, R, S), dx: toWindows, ...slides },
    conv2dBackwardWeight: { x: windows, dy: act.of(...convolved), dweight: to.of(O, C, R, S), dbias: to.maybe(O), ...slides },
    depthwiseConv2dForward: { x: windows, weight: f32.of(C, 1, R, S), bias: f32.maybe(C), y: toAct.of(...convolvedAlone), ...slides },
    depthwiseConv2dBackwardInput: { dy: act.of(...convolvedAlone), weight: f32.of(C, 1, R, S), dx: toWindows, ...slides },
    depthwiseConv2dBackwardWeight: { x: windows, dy: act.of(...convolvedAlone), dweight: to.of(C, 1, R, S), dbias: to.maybe(C), ...slides },
    batchNormForwardTrain: {
      ...{ x: image, ...channels, residual: act.maybe(N, H, W, C), y: toImage, runningMean: to.of(C), runningVar: to.of(C), mean: to.of(C), rstd: to.of(C) },
      ...{ momentum: number(0.1), eps: number(1e-5), activation: choice("relu6") },
    },
    batchNormForwardEval: {
      ...{ x: image, ...channels, runningMean: f32.of(C), runningVar: f32.of(C), residual: act.maybe(N, H, W, C), y: toImage },
      ...{ eps: number(1e-5), activation: choice("relu6") },
    },
    conv2dNormForward: {
      ...{ x: windows, weight: f32.of(O, C, R, S), bias: f32.maybe(O), y: toAct.of(...convolved), ...slides, normWeight: f32.of(O), normBias: f32.of(O) },
      ...{ runningMean: f32.of(O), runningVar: f32.of(O), residual: act.maybe(...convolved), eps: number(1e-5), activation: choice("relu6") },
    },
    depthwiseConv2dNormForward: {
      ...{ x: windows, weight: f32.of(C, 1, R, S), bias: f32.maybe(C), y: toAct.of(...convolvedAlone), ...slides, normWeight: f32.of(C), normBias: f32.of(C) },
      ...{ runningMean: f32.of(C), runningVar: f32.of(C), residual: act.maybe(...convolvedAlone), eps: number(1e-5), activation: choice("relu") },
    },
    batchNormBackward: {
      ...{ x: image, dy: image, weight: f32.of(C), mean: f32.of(C), rstd: f32.of(C), y: act.maybe(N, H, W, C) },
      ...{ dx: toImage, dweight: to.of(C), dbias: to.of(C), dresidual: toAct.maybe(N, H, W, C), activation: choice("none") },
    },
    layerNormForward: {
      ...{ x: act.of(N, M, C), ...channels, y: toAct.of(N, M, C), mean: to.of(N * M), rstd: to.of(N * M) },
      eps: number(1e-6),
    },
    layerNormBackward: {
      ...{ x: act.of(N, M, C), dy: act.of(N, M, C), weight: f32.of(C), mean: f32.of(N * M), rstd: f32.of(N * M) },
      ...{ dx: toAct.of(N, M, C), dweight: to.of(C), dbias: to.of(C) },
    },
    attentionForward: { qkv: act.of(N, M, 3 * A * E), y: toAct.of(N, Q, A * E), logsumexp: to.of(N, A, Q), heads: integer(A) },
    attentionBackward: {
      ...{ qkv: act.of(N, M, 3 * A * E), y: act.of(N, Q, A * E), dy: act.of(N, Q, A * E), logsumexp: f32.of(N, A, Q) },
      ...{ dqkv: toAct.of(N, M, 3 * A * E), heads: integer(A) },
    },
    embedTokensForward: { patches: act.of(N, T - 1, D), classToken: f32.of(1, 1, D), position: f32.of(1, T, D), y: to.of(N, T, D) },
    embedTokensBackward: { dy: f32.of(N, T, D), dpatches: toAct.of(N, T - 1, D), dclassToken: to.of(1, 1, D), dposition: to.of(1, T, D) },
    selectTokenForward: { x: act.of(N, T, D), y: toAct.of(N, D), index: integer(index) },
    selectTokenBackward: { dy: act.of(N, D), dx: toAct.of(N, T, D), index: integer(index) },
    sliceTokensForward: { x: act.of(N, T, D), y: toAct.of(N, end - begin, D), begin: integer(begin), end: integer(end) },
    sliceTokensBackward: { dy: act.of(N, end - begin, D), dx: toAct.of(N, T, D), begin: integer(begin), end: integer(end) },
    averagePoolForward: { x: windows, y: toAct.of(N, C), hwnc: fixedFlag(hwnc) },
    averagePoolBackward: { dy: act.of(N, C), dx: toWindows, hwnc: fixedFlag(hwnc) },
    resizeGridForward: { x: image, y: toAct.of(N, Z - 1, Z - 1, C) },
    resizeGridBackward: { dy: act.of(N, Z - 1, Z - 1, C), dx: toImage },
    maxPoolForward: { x: windows, y: toAct.of(...pooled), indices: toI32.of(...pooled), ...pools },
    maxPoolBackward: { dy: act.of(...pooled), indices: i32.of(...pooled), dx: toWindows, ...pools },
    swapAxes: { x: act.of(N, M, C), y: toAct.of(M, N, C) },
    distillationLoss: {
      ...{
        student: f32.of(M, K),
        teacher: f32.maybe(M, K),
        labels: i32.of(M),
        weights: f32.maybe(M),
        dstudent: to.maybe(M, K),
        loss: to.of(1),
        metrics: to.of(3),
      },
      ...{ temperature: number(2), alpha: number(0.5) },
    },
    adamw: {
      ...{ values: moves(shapes), gradients: reads(shapes), first: moves(shapes), second: moves(shapes), decay: flags(shapes.map((_, i) => i % 2 === 0)) },
      ...{ step: integer(1), learningRate: number(0.1), beta1: number(0.9), beta2: number(0.9), eps: number(1e-8), weightDecay: number(0) },
    },
    sgd: {
      ...{ values: moves(shapes), gradients: reads(shapes), first: moves(shapes), decay: flags(shapes.map((_, i) => i % 2 === 0)) },
      ...{ step: integer(1), learningRate: number(0.1), momentum: number(0.9), weightDecay: number(0), nesterov: flag(true) },
    },
    accumulate: { values: moves(shapes), gradients: reads(shapes), keep: number(1), share: number(0.5) },
    clipNorm: { values: moves(shapes), norm: to.of(1), most: number(1) },
    assembleBatch: {
      ...{ images: u8.of(M, H + 2, W + 1, 3), indices: i32.of(N), views: i32.maybe(N, 3), sizes: i32.maybe(N, 2), erased: i32.maybe(N, 4) },
      ...{ y: toAct.of(N, Z, Z, 3), ...normalization },
    },
    blend: { a: image, b: image, shares: f32.of(N), boxes: i32.maybe(N, 4), y: toImage },
    sampleViews: { y: toI32.of(N, 3), crop: integer(crop), flip: flag(true), seed: integer(1), epoch: integer(2) },
    randomNormal: { y: to.of(M * M), ...random, mean: number(0), std: number(1) },
    randomUniform: { y: to.of(M * M), ...random, low: number(0), high: number(1) },
    randomPermutation: { y: toI32.of(M * M), ...random },
  };
}

/** A correct call of every op. */
export const ops: Record<string, Call> = callsAt(usual);

/** Outputs may share memory with these. */
export const mayShare: Record<string, [written: string, other: string][]> = {
  linearForward: [["y", "residual"]],
  mlpForward: [["y", "residual"]],
  add: [
    ["y", "a"],
    ["y", "b"],
  ],
};

/** Tensors that may have any shape, whatever the others are. */
export const anyShape: Record<string, string> = { meanForward: "x", meanBackward: "dx", randomNormal: "y", randomUniform: "y" };
