// Every instruction set against the scalar reference, number by number, and bitwise equal results with any number of threads.
import { afterAll, describe, expect, it } from "vitest";
import { attention } from "../../src-main/tensor/ops/attention";
import { gelu } from "../../src-main/tensor/ops/gelu";
import { fromArray, scope } from "../../src-main/tensor/tensor";
import { product } from "../reference/formula";
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

const bytes = (values: Float32Array) => Buffer.from(values.buffer);
