// What the declarative cases do not reach of the products by tiles: sizes at which work is split, stored past the caches or kept in registers, any
// number of threads, and GELU's table over its whole range. In emulation.
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Addon, Isa } from "../../src-main/backend/addon";
import { loadAddon } from "../../src-main/backend/load";
import { gelu } from "../../src-main/tensor/ops/gelu";
import { layerNorm } from "../../src-main/tensor/ops/layer-norm";
import { linear } from "../../src-main/tensor/ops/linear";
import { mlp } from "../../src-main/tensor/ops/mlp";
import { backward, fromArray, scope, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { uniform } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { loweredPath, noLowered } from "./lowered-addon";

let addon: Addon;
beforeAll(() => {
  if (noLowered) return;
  addon = loadAddon(loweredPath);
  useBackend(addon);
});
beforeEach((test) => {
  if (noLowered) test.skip(noLowered);
  addon.setThreads(2);
});

const numbers = (name: string, shape: readonly number[]) =>
  Float32Array.from(
    uniform(
      name,
      shape.reduce((a, b) => a * b, 1),
    ),
  );
const weights = (name: string, shape: number[]) => {
  const tensor = fromArray(numbers(name, shape), shape);
  tensor.requiresGrad = true;
  return tensor;
};
const activations = (name: string, shape: number[]) => {
  const tensor = fromArray(numbers(name, shape), shape, "bf16");
  tensor.requiresGrad = true;
  return tensor;
};

/** Output and gradients of an op on these inputs. */
function resultsOf(make: () => { y: Tensor; inputs: Record<string, Tensor> }): Record<string, Float32Array> {
  return scope(() => {
    const { y, inputs } = make();
    backward(y, fromArray(numbers("dy", y.shape), y.shape, "bf16"));
    return { y: y.toFloat32(), ...Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.grad!.toFloat32()])) };
  });
}

const cases: Record<string, () => { y: Tensor; inputs: Record<string, Tensor> }> = {
  "a linear layer of so many rows that its weight gradient is summed in parts": () => {
    const [x, weight, bias] = [activations("x", [2081, 33]), weights("w", [20, 33]), weights("b", [20])];
    return { y: linear(x, weight, bias), inputs: { x, weight, bias } };
  },
  "a linear layer of so many outputs that its weight gradient is computed in blocks, and its results are stored past the caches": () => {
    const [x, weight, bias] = [activations("x", [1100, 64]), weights("w", [512, 64]), weights("b", [512])];
    return { y: linear(x, weight, bias), inputs: { x, weight, bias } };
  },
  "an MLP over several blocks of rows, the last of them not whole": () => {
    const x = activations("x", [269, 40]);
    const [first, second] = [
      { weight: weights("w1", [96, 40]), bias: weights("b1", [96]) },
      { weight: weights("w2", [24, 96]), bias: weights("b2", [24]) },
    ];
    const inputs = { x, firstWeight: first.weight, firstBias: first.bias, secondWeight: second.weight, secondBias: second.bias };
    return { y: mlp(x, first, second), inputs };
  },
  "layer norm of the width of ViT-small": () => {
    const [x, weight, bias] = [activations("x", [5, 384]), weights("w", [384]), weights("b", [384])];
    return { y: layerNorm(x, weight, bias, 1e-6, "bf16"), inputs: { x, weight, bias } };
  },
};

const on = (isa: Isa, name: string) => {
  addon.selectIsa(isa);
  return resultsOf(cases[name]!);
};

describe.each(Object.keys(cases))("%s", (name) => {
  it("is that of the scalar reference", () => {
    const [actual, expected] = [on("amx", name), on("scalar", name)];
    for (const part in expected) expect(relativeError(actual[part]!, expected[part]!), part).toBeLessThanOrEqual(1e-2);
  });

  it("is the same with any number of threads", () => {
    addon.setThreads(1);
    const alone = on("amx", name);
    for (const threads of [2, 3]) {
      addon.setThreads(threads);
      expect(on("amx", name)).toEqual(alone);
    }
  });
});

// The identity as first layer, so that its sums are the inputs themselves.
it("GELU and its slope differ from the exact ones by less than rounding to bf16 does", () => {
  const [rows, width] = [64, 32];
  const inputs = Float32Array.from({ length: rows * width }, (_, i) => (i / (rows * width - 1) - 0.5) * 40);
  const identity = () =>
    fromArray(
      Float32Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0)),
      [width, width],
    );
  const zeros = () => fromArray(new Float32Array(width), [width]);
  const layers = (isa: Isa, exact: boolean) => {
    addon.selectIsa(isa);
    return scope(() => {
      const x = fromArray(inputs, [rows, width], "bf16");
      x.requiresGrad = true;
      const layer = () => ({ weight: identity(), bias: zeros() });
      const y = exact ? gelu(x) : mlp(x, layer(), layer());
      backward(y, fromArray(new Float32Array(rows * width).fill(1), y.shape, "bf16"));
      return { y: y.toFloat32(), slope: x.grad!.toFloat32() };
    });
  };
  const [table, exact] = [layers("amx", false), layers("scalar", true)];
  // 2^-7 of a number is at least the step from one bf16 number to the next.
  const tolerated = (value: number) => 2 ** -7 * Math.abs(value) + 1e-4;
  for (const part of ["y", "slope"] as const)
    for (const [i, value] of exact[part].entries())
      expect(Math.abs(table[part][i]! - value), `${part} at ${inputs[i]}: ${value}, got ${table[part][i]}`).toBeLessThanOrEqual(tolerated(value));
});
