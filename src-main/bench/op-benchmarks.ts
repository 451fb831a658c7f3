/** Single ops at the sizes that they have in the models. Each calls one kernel on tensors that already exist. */

import { CIFAR10_NORMALIZATION } from "../contract/normalization";
import type { Precision } from "../contract/recipe";
import { createModel } from "../models/registry";
import { convolvesByTiles } from "../tensor/ops/image-layout";
import { backend, empty } from "../tensor/tensor";
import { createOptimizer } from "../training/optimizer";
import type { Benchmark } from "./benchmark";
import type { Inputs } from "./inputs";
import { VIT_TINY } from "./model-benchmarks";

const GIGA = 1e9;
const FP32_BYTES = 4;
const MULTIPLY_ADDS = { fp32: "flops", bf16: "bf16Flops" } as const;
const STORED_BYTES: Record<Precision, number> = { fp32: 4, bf16: 2 };

export function opBenchmarks(precision: Precision): Benchmark[] {
  const products = [
    ...linear(precision, 192, 576),
    ...linear(precision, 192, 192),
    ...linear(precision, 192, 768, true),
    ...linear(precision, 768, 192),
    ...attention(precision, 32, 197),
    ...attention(precision, 128, 65),
    ...[
      [64, 32],
      [128, 16],
      [256, 8],
      [512, 4],
    ].flatMap(([C, side]) => conv2d(precision, C!, side!)),
  ];
  const always32 = precision === "fp32" ? [adamw(), loss(4096, 10), loss(256, 1000)] : [];
  const depthwise = [
    { C: 96, side: 112, kernel: 3, stride: 1 },
    { C: 96, side: 112, kernel: 3, stride: 2 },
    { C: 144, side: 56, kernel: 3, stride: 1 },
    { C: 144, side: 56, kernel: 5, stride: 2 },
    { C: 240, side: 28, kernel: 5, stride: 1 },
    { C: 480, side: 14, kernel: 3, stride: 1 },
    { C: 672, side: 14, kernel: 5, stride: 1 },
    { C: 672, side: 14, kernel: 5, stride: 2 },
    { C: 96, side: 56, kernel: 7, stride: 1 },
  ].flatMap((sizes) => depthwiseConv2d(precision, sizes));
  return [...products, ...depthwise, ...layerNorm(precision), ...gelu(precision), ...batchNorm(precision), ...always32, batch(precision)];
}

/** An op that is limited by arithmetic, counted as the operations of its products. */
function product(name: string, precision: Precision, operations: number, torch: Record<string, unknown>, open: Benchmark["open"]): Benchmark {
  return { ...OP, name, precision, unit: "GFLOP/s", amount: operations / GIGA, limit: MULTIPLY_ADDS[precision], torch: named(precision, torch), open };
}

/** An op that is limited by memory, counted as the bytes that it must at least read and write. */
function stream(
  name: string,
  precision: Precision,
  bytes: number,
  torch: Record<string, unknown>,
  open: Benchmark["open"],
  goal: number | null = null,
): Benchmark {
  return { ...OP, name, precision, unit: "GB/s", amount: bytes / GIGA, limit: "bandwidth", goal, torch: named(precision, torch), open };
}

const OP = { measure: "speed", goal: null } as const;

function named(precision: Precision, torch: Record<string, unknown>): Benchmark["torch"] {
  return { ...torch, precision } as Benchmark["torch"];
}

function linear(precision: Precision, K: number, N: number, gelu = false): Benchmark[] {
  const M = 32 * 197;
  const benchmark = (part: string, open: Benchmark["open"], withGelu = false) =>
    product(
      `linear ${K} to ${N}, ${part}${withGelu ? " with GELU" : ""}`,
      precision,
      2 * M * K * N,
      { benchmark: "linear", part, M, K, N, gelu: withGelu },
      open,
    );
  return [
    benchmark(
      "forward",
      (inputs) => {
        const [x, weight, bias, y] = [inputs.activation(M, K), inputs.values(N, K), inputs.values(N), inputs.activationLike(M, N)];
        const geluGrad = gelu ? inputs.activationLike(M, N) : null;
        return () => backend().linearForward({ x: x.handle, weight: weight.handle, bias: bias.handle, y: y.handle, geluGrad: geluGrad?.handle, gelu });
      },
      gelu,
    ),
    benchmark("dX", (inputs) => {
      const [dy, weight, dx] = [inputs.activation(M, N), inputs.values(N, K), inputs.activationLike(M, K)];
      return () => backend().linearBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle });
    }),
    benchmark("dW", (inputs) => {
      const [x, dy, dweight, dbias] = [inputs.activation(M, K), inputs.activation(M, N), inputs.valuesLike(N, K), inputs.valuesLike(N)];
      return () => backend().linearBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, dbias: dbias.handle });
    }),
  ];
}

function attention(precision: Precision, N: number, T: number): Benchmark[] {
  const { width, heads } = { width: 192, heads: 3 };
  const made = (inputs: Inputs) => {
    const tensors = { qkv: inputs.activation(N, T, 3 * width), y: inputs.activationLike(N, T, width), logsumexp: inputs.valuesLike(N, heads, T) };
    const handles = { qkv: tensors.qkv.handle, y: tensors.y.handle, logsumexp: tensors.logsumexp.handle, heads };
    return { handles, forward: () => backend().attentionForward(handles) };
  };
  const benchmark = (part: string, products: number, open: Benchmark["open"]) =>
    product(`attention T=${T}, ${part}`, precision, products * 2 * N * T * T * width, { benchmark: "attention", part, N, T, heads, width }, open);
  return [
    benchmark("forward", 2, (inputs) => made(inputs).forward),
    benchmark("backward", 5, (inputs) => {
      const { handles, forward } = made(inputs);
      forward();
      const [dy, dqkv] = [inputs.activation(N, T, width), inputs.activationLike(N, T, 3 * width)];
      return () => backend().attentionBackward({ ...handles, dy: dy.handle, dqkv: dqkv.handle });
    }),
  ];
}

function conv2d(precision: Precision, C: number, side: number): Benchmark[] {
  const N = 32;
  /** Images as a network's layers have them. */
  const images = () => {
    const hwnc = precision === "bf16" && convolvesByTiles();
    const shape: [number, number, number, number] = hwnc ? [side, side, N, C] : [N, side, side, C];
    return { shape, window: { stride: 1, padding: 1, hwnc } };
  };
  const benchmark = (part: string, open: Benchmark["open"]) =>
    product(`convolution 3x3, ${C} at ${side} px, ${part}`, precision, 2 * N * side * side * C * C * 9, { benchmark: "conv2d", part, N, C, size: side }, open);
  return [
    benchmark("forward", (inputs) => {
      const { shape, window } = images();
      const [x, weight, y] = [inputs.activation(...shape), inputs.values(C, C, 3, 3), inputs.activationLike(...shape)];
      return () => backend().conv2dForward({ x: x.handle, weight: weight.handle, y: y.handle, ...window });
    }),
    benchmark("dX", (inputs) => {
      const { shape, window } = images();
      const [dy, weight, dx] = [inputs.activation(...shape), inputs.values(C, C, 3, 3), inputs.activationLike(...shape)];
      return () => backend().conv2dBackwardInput({ dy: dy.handle, weight: weight.handle, dx: dx.handle, ...window });
    }),
    benchmark("dW", (inputs) => {
      const { shape, window } = images();
      const [x, dy, dweight] = [inputs.activation(...shape), inputs.activation(...shape), inputs.valuesLike(C, C, 3, 3)];
      return () => backend().conv2dBackwardWeight({ x: x.handle, dy: dy.handle, dweight: dweight.handle, ...window });
    }),
  ];
}

function depthwiseConv2d(precision: Precision, { C, side, kernel, stride }: { C: number; side: number; kernel: number; stride: number }): Benchmark[] {
  const N = 32;
  const padding = (kernel - 1) / 2;
  const [x, y] = [
    [N, side, side, C],
    [N, side / stride, side / stride, C],
  ] as const;
  const window = { stride, padding };
  const bytes = N * side * side * C * (1 + 1 / stride ** 2) * STORED_BYTES[precision];
  const benchmark = (part: string, open: Benchmark["open"]) => {
    const name = `depthwise ${kernel}x${kernel}${stride === 1 ? "" : `, stride ${stride}`}, ${C} at ${side} px, ${part}`;
    return stream(name, precision, bytes, { benchmark: "depthwise conv2d", part, N, C, size: side, kernel, stride }, open, 3);
  };
  return [
    benchmark("forward", (inputs) => {
      const handles = { x: inputs.activation(...x).handle, weight: inputs.values(C, 1, kernel, kernel).handle, y: inputs.activationLike(...y).handle };
      return () => backend().depthwiseConv2dForward({ ...handles, ...window });
    }),
    benchmark("with batch norm and ReLU6", (inputs) => {
      const handles = { x: inputs.activation(...x).handle, weight: inputs.values(C, 1, kernel, kernel).handle, y: inputs.activationLike(...y).handle };
      const [normWeight, normBias, runningMean, runningVar] = [inputs.values(C), inputs.values(C), inputs.zeros(C), inputs.zeros(C)].map(
        ({ handle }) => handle,
      );
      const norm = { normWeight: normWeight!, normBias: normBias!, runningMean: runningMean!, runningVar: runningVar!, eps: 1e-3 };
      return () => backend().depthwiseConv2dNormForward({ ...handles, ...window, ...norm, activation: "relu6" });
    }),
    benchmark("dX", (inputs) => {
      const handles = { dy: inputs.activation(...y).handle, weight: inputs.values(C, 1, kernel, kernel).handle, dx: inputs.activationLike(...x).handle };
      return () => backend().depthwiseConv2dBackwardInput({ ...handles, ...window });
    }),
    benchmark("dW", (inputs) => {
      const handles = { x: inputs.activation(...x).handle, dy: inputs.activation(...y).handle, dweight: inputs.valuesLike(C, 1, kernel, kernel).handle };
      return () => backend().depthwiseConv2dBackwardWeight({ ...handles, ...window });
    }),
  ];
}

function layerNorm(precision: Precision): Benchmark[] {
  const [rows, width] = [32 * 197, 192];
  const made = (inputs: Inputs) => {
    const [x, weight] = [inputs.activation(rows, width).handle, inputs.values(width).handle];
    const [mean, rstd] = [inputs.valuesLike(rows).handle, inputs.valuesLike(rows).handle];
    const [bias, y] = [inputs.values(width).handle, inputs.activationLike(rows, width).handle];
    return { kept: { x, weight, mean, rstd }, forward: () => backend().layerNormForward({ x, weight, bias, y, mean, rstd, eps: 1e-6 }) };
  };
  const benchmark = (part: string, tensors: number, open: Benchmark["open"]) =>
    stream(
      `layer norm ${rows}x${width}, ${part}`,
      precision,
      tensors * rows * width * STORED_BYTES[precision],
      { benchmark: "layer norm", part, rows, width },
      open,
    );
  return [
    benchmark("forward", 2, (inputs) => made(inputs).forward),
    benchmark("backward", 3, (inputs) => {
      const { kept, forward } = made(inputs);
      forward();
      const [dy, dx] = [inputs.activation(rows, width).handle, inputs.activationLike(rows, width).handle];
      const [dweight, dbias] = [inputs.valuesLike(width).handle, inputs.valuesLike(width).handle];
      return () => backend().layerNormBackward({ ...kept, dy, dx, dweight, dbias });
    }),
  ];
}

function gelu(precision: Precision): Benchmark[] {
  const [rows, width] = [32 * 197, 768];
  const benchmark = (part: string, tensors: number, open: Benchmark["open"]) =>
    stream(`GELU ${rows}x${width}, ${part}`, precision, tensors * rows * width * STORED_BYTES[precision], { benchmark: "gelu", part, rows, width }, open);
  return [
    benchmark("forward", 2, (inputs) => {
      const [x, y] = [inputs.activation(rows, width).handle, inputs.activationLike(rows, width).handle];
      return () => backend().geluForward({ x, y });
    }),
    benchmark("backward", 3, (inputs) => {
      const [x, dy, dx] = [inputs.activation(rows, width).handle, inputs.activation(rows, width).handle, inputs.activationLike(rows, width).handle];
      return () => backend().geluBackward({ x, dy, dx });
    }),
  ];
}

function batchNorm(precision: Precision): Benchmark[] {
  const [N, C, side] = [32, 64, 32];
  const shape = [N, side, side, C];
  const made = (inputs: Inputs) => {
    const [x, y, weight] = [inputs.activation(...shape).handle, inputs.activationLike(...shape).handle, inputs.values(C).handle];
    const [bias, runningMean, runningVar] = [inputs.values(C).handle, inputs.zeros(C).handle, inputs.zeros(C).handle];
    const [mean, rstd] = [inputs.valuesLike(C).handle, inputs.valuesLike(C).handle];
    const kept = { x, y, weight, mean, rstd, activation: "relu" } as const;
    return { kept, forward: () => backend().batchNormForwardTrain({ ...kept, bias, runningMean, runningVar, momentum: 0.1, eps: 1e-5 }) };
  };
  const benchmark = (part: string, tensors: number, open: Benchmark["open"]) => {
    const bytes = tensors * N * side * side * C * STORED_BYTES[precision];
    return stream(`batch norm + ReLU ${C} at ${side} px, ${part}`, precision, bytes, { benchmark: "batch norm", part, N, C, size: side }, open);
  };
  return [
    benchmark("forward", 2, (inputs) => made(inputs).forward),
    benchmark("backward", 4, (inputs) => {
      const { kept, forward } = made(inputs);
      forward();
      const [dy, dx] = [inputs.activation(...shape).handle, inputs.activationLike(...shape).handle];
      const [dweight, dbias] = [inputs.valuesLike(C).handle, inputs.valuesLike(C).handle];
      return () => backend().batchNormBackward({ ...kept, dy, dx, dweight, dbias });
    }),
  ];
}

function adamw(): Benchmark {
  const { model, imageSize, patchSize, parameters } = VIT_TINY;
  // It reads values, gradients and both moments, and writes all but the gradients.
  const bytes = 7 * parameters * FP32_BYTES;
  return stream("AdamW, ViT-tiny", "fp32", bytes, { benchmark: "adamw", model, imageSize, patchSize, parameters }, (inputs) => {
    const network = inputs.own(createModel(model, { classes: 10, imageSize, patchSize }));
    const weights = network.parameters();
    for (const weight of weights.values()) weight.grad = inputs.values(...weight.shape);
    const optimizer = inputs.own(createOptimizer(weights, { optimizer: "adamw", weightDecay: 0.01, decay: "all", momentum: 0, nesterov: false }));
    return () => optimizer.step(1e-4);
  });
}

function loss(N: number, K: number): Benchmark {
  const [temperature, alpha] = [0.212, 0.62];
  const torch = { benchmark: "distillation loss", N, K, temperature, alpha };
  const open = (inputs: Inputs) => {
    const [student, teacher, dstudent] = [inputs.values(N, K).handle, inputs.values(N, K).handle, inputs.valuesLike(N, K).handle];
    const [labels, loss, metrics] = [inputs.whole(N, K).handle, inputs.valuesLike(1).handle, inputs.valuesLike(3).handle];
    return () => backend().distillationLoss({ student, teacher, labels, dstudent, loss, metrics, temperature, alpha });
  };
  return stream(`distillation loss ${N}x${K} with gradient`, "fp32", 3 * N * K * FP32_BYTES, torch, open, 4);
}

function batch(precision: Precision): Benchmark {
  const [N, count, side, size, crop] = [32, 1024, 32, 224, 4];
  const torch = named(precision, { benchmark: "assemble batch", N, count, size, crop });
  const open = (inputs: Inputs) => {
    const [images, y] = [inputs.images(count, side).handle, inputs.activationLike(N, size, size, 3).handle];
    const indices = inputs.whole(N, count).handle;
    const views = inputs.own(empty([N, 3], "i32")).handle;
    let epoch = 0;
    return () => {
      backend().sampleViews({ y: views, crop, flip: true, seed: 0, epoch: ++epoch });
      backend().assembleBatch({ images, indices, views, y, ...CIFAR10_NORMALIZATION });
    };
  };
  return { ...OP, name: `batch: crop, flip, ${side} to ${size} px`, precision, unit: "images/s", amount: N, limit: null, goal: 4, torch, open };
}
