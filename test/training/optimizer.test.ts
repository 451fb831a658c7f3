import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { createModel } from "../../src-main/models/registry";
import { ones } from "../../src-main/nn/initial";
import { Weight } from "../../src-main/nn/weight";
import { backend, full, useBackend } from "../../src-main/tensor/tensor";
import { createOptimizer } from "../../src-main/training/optimizer";

beforeAll(() => useBackend(loadAddon()));

const settings = { weightDecay: 0.5, momentum: 0, nesterov: false } as const;

/** Names of the parameters that a step with zero gradients changes: only decay does. */
function decayed(parameters: ReadonlyMap<string, Weight>, options: { optimizer: "adamw" | "sgd"; decay: "all" | "matrices" }): string[] {
  for (const parameter of parameters.values()) {
    backend().fill({ y: parameter.handle, value: 1 });
    parameter.grad = full(parameter.shape, 0);
  }
  createOptimizer(parameters, { ...settings, ...options }).step(0.1);
  return [...parameters].filter(([, value]) => Math.abs(value.toFloat32()[0]! - 0.95) < 1e-6).map(([name]) => name);
}

describe.each(["adamw", "sgd"] as const)("%s", (optimizer) => {
  test.each([
    { model: "vit_micro_patch4_32", left: ["cls_token", "pos_embed"] },
    { model: "resnet20_cifar10", left: [] },
  ])("decays every parameter of $model, or only matrices by timm's rule", ({ model: name, left }) => {
    const model = createModel(name, { classes: 10, imageSize: 8 });
    const parameters = model.parameters();
    const matrices = [...parameters].filter(([name, { shape }]) => shape.length > 1 && !left.includes(name)).map(([name]) => name);
    expect(decayed(parameters, { optimizer, decay: "all" })).toEqual([...parameters.keys()]);
    expect(decayed(parameters, { optimizer, decay: "matrices" })).toEqual(matrices);
    expect(parameters.size).toBeGreaterThan(matrices.length + left.length);
    model.release();
  });
});

test("the state is named by parameter and starts at zero", () => {
  const parameters = new Map([["fc.bias", Weight.parameter([3], ones)]]);
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
