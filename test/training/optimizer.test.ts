import { beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { full, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { createOptimizer } from "../../src-main/training/optimizer";

beforeAll(() => useBackend(loadAddon()));

const settings = { weightDecay: 0.5, momentum: 0, nesterov: false } as const;

/** One step with gradients of zero: only decay changes values. */
function decayed(options: { optimizer: "adamw" | "sgd"; decay: "all" | "matrices" }): string[] {
  const shapes: Record<string, number[]> = {
    "blocks.0.attn.qkv.weight": [6, 2],
    "blocks.0.attn.qkv.bias": [6],
    "norm.weight": [2],
    pos_embed: [1, 3, 2],
    cls_token: [1, 1, 2],
    "conv1.weight": [4, 3, 3, 3],
  };
  const parameters = new Map<string, Tensor>(Object.entries(shapes).map(([name, shape]) => [name, full(shape, 1)]));
  for (const parameter of parameters.values()) parameter.grad = full(parameter.shape, 0);
  createOptimizer(parameters, { ...settings, ...options }).step(0.1);
  return [...parameters].filter(([, value]) => Math.abs(value.toFloat32()[0]! - 0.95) < 1e-6).map(([name]) => name);
}

test.each(["adamw", "sgd"] as const)("%s decays every parameter, or by timm's rule only matrices", (optimizer) => {
  expect(decayed({ optimizer, decay: "all" })).toHaveLength(6);
  expect(decayed({ optimizer, decay: "matrices" })).toEqual(["blocks.0.attn.qkv.weight", "conv1.weight"]);
});

test("the state is named by parameter and starts at zero", () => {
  const parameters = new Map([["fc.bias", full([3], 1)]]);
  const adamw = createOptimizer(parameters, { ...settings, optimizer: "adamw", decay: "all" });
  expect([...adamw.moments()].map(([name, tensor]) => [name, [...tensor.toFloat32()]])).toEqual([
    ["first.fc.bias", [0, 0, 0]],
    ["second.fc.bias", [0, 0, 0]],
  ]);
  expect([
    ...createOptimizer(parameters, { ...settings, optimizer: "sgd", decay: "all" })
      .moments()
      .keys(),
  ]).toEqual(["first.fc.bias"]);
});
