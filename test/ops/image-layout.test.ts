// Images [H,W,N,C]: the same results as [N,H,W,C] by every op that takes both, on every instruction set. AMX is emulated where the addon for
// tests is built (lowered.test.ts).
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { relativeError } from "../reference/goldens";

const lowered = fileURLToPath(new URL("../../native/build/Release/distill_core_lowered.node", import.meta.url));
if (existsSync(lowered)) process.env.DISTILL_TEST_ADDON = lowered;
const { addon, isas } = await import("./cases");
const { uniform, product } = await import("../reference/formula");
const { formulaModel } = await import("../reference/models");
const { add } = await import("../../src-main/tensor/ops/add");
const { averagePool } = await import("../../src-main/tensor/ops/average-pool");
const { conv2d } = await import("../../src-main/tensor/ops/conv2d");
const { conv2dNorm } = await import("../../src-main/tensor/ops/conv2d-norm");
const { depthwiseConv2d } = await import("../../src-main/tensor/ops/depthwise-conv2d");
const { depthwiseConv2dNorm } = await import("../../src-main/tensor/ops/depthwise-conv2d-norm");
const { meanSquare } = await import("../../src-main/tensor/ops/mean-square");
const { maxPool } = await import("../../src-main/tensor/ops/max-pool");
const { swapAxes } = await import("../../src-main/tensor/ops/swap-axes");
const { withBatchOutside } = await import("../../src-main/tensor/ops/image-layout");
const { backward, fromArray, noGrad, scope } = await import("../../src-main/tensor/tensor");
type Tensor = import("../../src-main/tensor/tensor").Tensor;
type Values = Record<string, Float32Array>;

const threads = addon.threads();
afterAll(() => addon.setThreads(threads));

/** [H,W,N,C] */
function inside(x: Tensor): Tensor {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  return swapAxes(x.reshape([N, H * W, C])).reshape([H, W, N, C], true);
}
const asTheyAre = (x: Tensor) => x;

/** An op on images, and results besides its gradients. */
type Op = (images: Tensor[], weights: Tensor[]) => Tensor;
interface Case {
  name: string;
  /** [N,H,W,C], and the shapes of weights. */
  images: number[][];
  weights?: number[][];
  op: Op;
  gradients?: boolean;
}

const square = (kernel: number, stride: number) => ({ stride, padding: (kernel - 1) / 2 });
function convolution(name: string, N: number, [H, W]: [number, number], C: number, O: number, kernel: number, stride: number): Case {
  const op: Op = ([x], [weight, bias]) => conv2d(x!, weight!, bias!, square(kernel, stride));
  return { name, images: [[N, H, W, C]], weights: [[O, C, kernel, kernel], [O]], op };
}

const cases: Case[] = [
  convolution("3x3", 32, [3, 4], 64, 32, 3, 1),
  convolution("3x3, stride 2", 32, [5, 4], 32, 48, 3, 2),
  convolution("1x1, stride 2", 32, [4, 4], 32, 64, 1, 2),
  convolution("1x1", 32, [2, 3], 48, 32, 1, 1),
  convolution("3x3 of 3 channels", 32, [6, 5], 3, 32, 3, 1),
  convolution("3x3 of 16 channels", 32, [4, 3], 16, 16, 3, 1),
  convolution("7x7 of 3 channels, stride 2", 33, [8, 5], 3, 32, 7, 2),
  convolution("3x3 on one pixel", 32, [1, 1], 32, 32, 3, 1),
  convolution("3x3 of 2 images", 2, [3, 3], 32, 32, 3, 1),
  convolution("3x3 of 37 images", 37, [3, 2], 32, 40, 3, 1),
  convolution("3x3 of 160 images", 160, [1, 2], 32, 32, 3, 1),
  convolution("3x3 whose rows are summed in parts", 32, [16, 1], 32, 32, 3, 1),
  convolution("3x3 whose outputs are summed in groups", 32, [2, 2], 32, 96, 3, 1),
  {
    name: "3x3 with batch norm, residual and ReLU",
    images: [
      [32, 4, 4, 32],
      [32, 4, 4, 48],
    ],
    weights: [[48, 32, 3, 3], [48], [48], [48], [48]],
    op: ([x, residual], [weight, normWeight, bias, runningMean, runningVar]) =>
      conv2dNorm(
        x!,
        weight!,
        null,
        { weight: normWeight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! },
        { ...square(3, 1), residual: residual!, activation: "relu" },
      ),
    gradients: false,
  },
  {
    name: "3x3, stride 2, same padding",
    images: [[33, 5, 4, 32]],
    weights: [[32, 32, 3, 3]],
    op: ([x], [weight]) => conv2d(x!, weight!, null, { stride: 2, padding: "same" }),
  },
  {
    name: "3x3 of 3 channels, stride 2, same padding",
    images: [[33, 7, 8, 3]],
    weights: [[32, 3, 3, 3]],
    op: ([x], [weight]) => conv2d(x!, weight!, null, { stride: 2, padding: "same" }),
  },
  ...[
    [3, 1],
    [3, 2],
    [5, 1],
    [5, 2],
    [7, 1],
  ].map(
    ([kernel, stride]): Case => ({
      name: `depthwise ${kernel}x${kernel}, stride ${stride}`,
      images: [[9, 7, 6, 40]],
      weights: [[40, 1, kernel!, kernel!], [40]],
      op: ([x], [weight, bias]) => depthwiseConv2d(x!, weight!, bias!, { stride, padding: "same" }),
    }),
  ),
  {
    name: "depthwise 3x3 with batch norm, residual and ReLU6",
    images: [
      [5, 4, 6, 24],
      [5, 4, 6, 24],
    ],
    weights: [[24, 1, 3, 3], [24], [24], [24], [24]],
    op: ([x, residual], [weight, normWeight, bias, runningMean, runningVar]) =>
      depthwiseConv2dNorm(
        x!,
        weight!,
        null,
        { weight: normWeight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! },
        { ...square(3, 1), residual: residual!, activation: "relu6" },
      ),
    gradients: false,
  },
  { name: "average pool", images: [[5, 3, 2, 20]], op: ([x]) => averagePool(x!) },
  { name: "max pool", images: [[5, 6, 4, 20]], op: ([x]) => maxPool(x!, { kernel: 3, stride: 2, padding: 1 }) },
];

/** Output and gradients, of images that `layOut` has stored. */
function results({ name, images, weights = [], op, gradients = true }: Case, dtype: "f32" | "bf16", layOut: (x: Tensor) => Tensor): Values {
  return scope(() => {
    const given = images.map((shape, i) => fromArray(uniform(`${name}/${i}`, product(shape)), shape, dtype));
    // Variances are positive.
    const shared = weights.map((shape, i) => fromArray(uniform(`${name}/weight ${i}`, product(shape), 0.5, shape.length === 1 ? 1 : 0), shape));
    for (const tensor of [...given, ...shared]) tensor.requiresGrad = gradients;
    const y = withBatchOutside(op(given.map(layOut), shared));
    if (gradients) backward(y, fromArray(uniform(`${name}/dy`, y.size), y.shape, dtype));
    const all = { y, ...Object.fromEntries([...given, ...shared].flatMap(({ grad }, i) => (grad ? [[`gradient ${i}`, grad]] : []))) };
    return Object.fromEntries(Object.entries(all).map(([key, tensor]) => [key, tensor.toFloat32()]));
  });
}

/** Not by toEqual, which describes arrays that differ for minutes. */
function expectSameBits(actual: Values, expected: Values) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const name in expected) expect(Buffer.from(actual[name]!.buffer).equals(Buffer.from(expected[name]!.buffer)), `bits of ${name}`).toBe(true);
}

function expectClose(actual: Values, expected: Values, most: number) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(most);
}

/** Those between the scalar reference and AMX have vector forms of the pools alone. */
const between = cases.filter(({ name }) => ["1x1", "average pool", "max pool"].includes(name) || name.startsWith("depthwise"));

describe.each(isas)("images whose batch is inside the pixels, on %s", (isa) => {
  it.each(isa === "scalar" || isa === "amx" ? cases : between)("$name", (test) => {
    for (const dtype of ["f32", "bf16"] as const) {
      addon.selectIsa("scalar");
      const expected = results(test, dtype, asTheyAre);
      addon.selectIsa(isa);
      const actual = results(test, dtype, inside);
      if (isa === "scalar") expectSameBits(actual, expected);
      else expectClose(actual, expected, dtype === "f32" ? 1e-5 : test.name.includes("norm") ? 1e-2 : 1e-3);
    }
  });
});

describe.runIf(isas.includes("amx"))("a convolution by tiles", () => {
  it("gives the same bits with any number of threads", () => {
    addon.selectIsa("amx");
    for (const test of cases.filter(({ name }) => name.includes("summed"))) {
      const each = [1, 2, 3].map((count) => {
        addon.setThreads(count);
        return results(test, "bf16", inside);
      });
      for (const other of each.slice(1)) expectSameBits(other, each[0]!);
    }
  });

  // A teacher's answers are kept by image, and asked for in batches of any size from 2.
  it("gives an image the same bits in every batch", () => {
    addon.selectIsa("amx");
    for (const C of [3, 32, 48]) {
      const answers = [37, 35, 2].map((N) =>
        scope(() => {
          const x = fromArray(uniform(`batch of ${C}`, 37 * 9 * C).subarray(0, N * 9 * C), [N, 3, 3, C], "bf16");
          const weight = fromArray(uniform(`weight of ${C}`, 32 * C * 9), [32, C, 3, 3]);
          return noGrad(() => withBatchOutside(conv2d(inside(x), weight, null, square(3, 1)))).toFloat32();
        }),
      );
      for (const y of answers) expectSameBits({ y }, { y: answers[0]!.slice(0, y.length) });
    }
  });
});

describe.runIf(isas.includes("amx"))("a ResNet in bf16 on AMX", () => {
  /** Logits, a stage's map, and the gradients of a loss on both. */
  function pass(isa: "scalar" | "amx", training: boolean): Values {
    addon.selectIsa(isa);
    const model = formulaModel("resnet8_cifar10", { imageSize: 8, patchSize: null });
    try {
      return scope(() => {
        const images = fromArray(uniform("images", 5 * 8 * 8 * 3), [5, 8, 8, 3], "bf16");
        if (!training) model.eval();
        const compute = () => model.forwardFeatures(images, ["layer2"]);
        const { logits, features } = training ? compute() : noGrad(compute);
        const map = features.get("layer2")!;
        expect(map.shape).toEqual([5, 4, 4, 32]);
        if (training) backward(add(meanSquare(logits, null), meanSquare(map, null)));
        const gradients = training ? [...model.parameters()].map(([name, { grad }]) => [name, grad!] as const) : [];
        return Object.fromEntries([["logits", logits] as const, ["map", map] as const, ...gradients].map(([name, tensor]) => [name, tensor.toFloat32()]));
      });
    } finally {
      model.release();
    }
  }

  // Where batch norm divides by the variance of few numbers, roundings grow: the reference's own gradients in bf16 are 15 % from those in fp32.
  it.each([true, false])("agrees with the scalar reference; training: %s", (training) => {
    const { logits, map, ...gradients } = pass("amx", training);
    const expected = pass("scalar", training);
    expectClose({ logits: logits!, map: map! }, { logits: expected.logits!, map: expected.map! }, 1e-2);
    for (const name in gradients) expect(relativeError(gradients[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(5e-2);
  });

  it("changes the layout of its images once, and that of each map that somebody asks for", () => {
    const swaps = vi.spyOn(addon, "swapAxes");
    pass("amx", false);
    expect(swaps).toHaveBeenCalledTimes(2);
    swaps.mockClear();
    pass("amx", true);
    expect(swaps).toHaveBeenCalledTimes(3);
    swaps.mockClear();
    pass("scalar", true);
    expect(swaps).not.toHaveBeenCalled();
    swaps.mockRestore();
  });
});
