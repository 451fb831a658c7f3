// Cases for GPUs only, in addition to those of test/ops/cases.json: too large for anything else.
import type { Case, Input } from "../ops/cases";

/** Sizes that give each of 150 multiprocessors a large tile; for less work the kernels choose small tiles. */
export const LARGE_TILES: Case[] = [
  linear("large tiles: y, dx", 9600, 256, 256),
  conv2d("large tiles: y, dx", { images: 76, side: 16, channels: 128 }),
  conv2d("large tiles: dweight", { images: 4, side: 4, channels: 512, outputs: 640 }),
];

/** The ops that dominate the time of the models that test/gpu/calls.ts times, by model name. */
export const MODEL_SIZES: Case[] = [
  ...vit("ViT-tiny 224/16", 128, 197),
  ...vit("ViT-tiny 32/4", 512, 65),
  ...[
    [32, 64],
    [16, 128],
    [8, 256],
    [4, 512],
  ].map(([side, channels]) => conv2d(`ResNet-18: 3x3, ${channels} channels`, { images: 512, side: side!, channels: channels! })),
  conv2d("ResNet-18: 3x3, stride 2", { images: 512, side: 32, channels: 64, outputs: 128, stride: 2 }),
  {
    op: "batchNorm",
    name: "ResNet-18: batch norm",
    inputs: {
      ...shaped({ x: [512, 32, 32, 64], weight: [64], bias: [64] }),
      runningMean: { shape: [64], constant: true },
      runningVar: { shape: [64], scale: 0.5, offset: 1, constant: true },
    },
    options: { training: true, activation: "relu" },
  },
];

function vit(model: string, images: number, tokens: number): Case[] {
  const rows = images * tokens;
  return [
    linear(`${model}: qkv`, rows, 192, 576),
    linear(`${model}: projection`, rows, 192, 192),
    mlp(`${model}: MLP`, rows, 192, 768),
    { op: "attention", name: `${model}: attention`, inputs: shaped({ qkv: [images, tokens, 576] }), options: { heads: 3 } },
    { op: "layerNorm", name: `${model}: layer norm`, inputs: shaped({ x: [images, tokens, 192], weight: [192], bias: [192] }), options: { eps: 1e-6 } },
  ];
}

function linear(name: string, rows: number, inputs: number, outputs: number): Case {
  return { op: "linear", name, inputs: shaped({ x: [rows, inputs], weight: [outputs, inputs], bias: [outputs] }) };
}

function mlp(name: string, rows: number, width: number, hidden: number): Case {
  const weights = { weight1: [hidden, width], bias1: [hidden], weight2: [width, hidden], bias2: [width] };
  return { op: "mlp", name, inputs: shaped({ x: [rows, width], ...weights, residual: [rows, width] }) };
}

function conv2d(
  name: string,
  { images, side, channels, outputs = channels, stride = 1 }: Record<"images" | "side" | "channels", number> & { outputs?: number; stride?: number },
): Case {
  const inputs = shaped({ x: [images, side, side, channels], weight: [outputs, channels, 3, 3] });
  return { op: "conv2d", name, inputs, options: { stride, padding: 1 } };
}

function shaped(shapes: Record<string, number[]>): Record<string, Input> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, scale: name.startsWith("weight") ? 0.05 : 1 }]));
}
