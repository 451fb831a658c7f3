// Every instruction set against the scalar reference, number by number, and bitwise equal results with any number of threads.
import { afterAll, describe, expect, it } from "vitest";
import { attention } from "../../src-main/tensor/ops/attention";
import { depthwiseConv2d } from "../../src-main/tensor/ops/depthwise-conv2d";
import { gelu } from "../../src-main/tensor/ops/gelu";
import { backward, fromArray, scope } from "../../src-main/tensor/tensor";
import { product, uniform } from "../reference/formula";
import { relativeError } from "../reference/goldens";
import { addon, cases, isas, run } from "./cases";

const TOLERANCE = 1e-5;
const threads = addon.threads();
afterAll(() => addon.setThreads(threads));

describe.each(isas.filter((isa) => isa !== "scalar"))("%s against scalar", (isa) => {
  it.each(cases.filter(({ large }) => !large))("$name", (test) => {
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa(isa);
    const actual = run(test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe.each(isas)("%s with 1, 2, 3 and 7 threads", (isa) => {
  it.each(cases.filter(({ large }) => !large || isa !== "scalar"))("$name", (test) => {
    addon.selectIsa(isa);
    addon.setThreads(1);
    const expected = run(test);
    for (const count of [2, 3, 7]) {
      addon.setThreads(count);
      const actual = run(test);
      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      for (const name in expected) expect(bytes(actual[name]!).equals(bytes(expected[name]!)), `${name} with ${count} threads`).toBe(true);
    }
  });
});

/** Many images at once, whose outputs may be stored past the caches, against the same images one by one. */
describe.each(isas.filter((isa) => isa !== "scalar"))("%s computes outputs that no cache holds", (isa) => {
  it.each([1, 2])("depthwise convolution, stride %i", (stride) => {
    addon.selectIsa(isa);
    const [images, H, C] = [21, 57, 64];
    const results = (x: Float32Array, dy: Float32Array) =>
      scope(() => {
        const given = fromArray(x, [x.length / (H * H * C), H, H, C]);
        given.requiresGrad = true;
        const weight = fromArray(uniform("depthwise weight", C * 9), [C, 1, 3, 3]);
        const y = depthwiseConv2d(given, weight, null, { stride, padding: 1 });
        backward(y, fromArray(dy, y.shape));
        return { y: y.toFloat32(), dx: given.grad!.toFloat32() };
      });
    const P = Math.ceil(H / stride);
    const x = uniform("large images", images * H * H * C);
    const dy = uniform("large gradient", images * P * P * C);
    const together = results(x, dy);
    for (let n = 0; n < images; n++) {
      const image = <T extends Float32Array>(numbers: T) => numbers.subarray((n * numbers.length) / images, ((n + 1) * numbers.length) / images);
      const alone = results(image(x), image(dy));
      for (const name of ["y", "dx"] as const) expect(bytes(image(together[name])).equals(bytes(alone[name])), `${name} of image ${n}`).toBe(true);
    }
  });
});

/** So that the loss shows when a training run goes wrong. */
describe.each(isas)("%s propagates NaN", (isa) => {
  const withNaN = (...shape: number[]) => fromArray(new Float32Array(product(shape)).fill(1).fill(Number.NaN, 4, 5), shape);

  it.each([
    ["gelu", () => gelu(withNaN(2, 32))],
    ["attention", () => attention(withNaN(1, 9, 96), 2)],
  ])("%s", (_, op) => {
    addon.selectIsa(isa);
    expect(scope(() => op().toFloat32()).some(Number.isNaN)).toBe(true);
  });
});

const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
