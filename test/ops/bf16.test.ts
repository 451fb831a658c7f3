// Activations stored in bf16: the scalar reference against the same op in fp32, every instruction set against the scalar reference, and
// bitwise equal results with any number of threads.
import { afterAll, describe, expect, it } from "vitest";
import { fromArray, scope } from "../../src-main/tensor/tensor";
import { relativeError } from "../reference/goldens";
import { addon, type Bf16Case, bf16Cases, inputValues, isas, run, type Values } from "./cases";

/** A number rounded to bf16 is off by up to 2^-9. Against fp32 the gradient that comes in is rounded as well. */
const TOLERANCE = 1e-2;
const AGAINST_FP32 = 1.5e-2;
const threads = addon.threads();
afterAll(() => addon.setThreads(threads));

const named = bf16Cases.filter(({ large }) => !large).map((test) => [`${test.name}; ${test.stored.join(", ")}`, test] as const);

/** The inputs as bf16 stores them: rounding an input is not the op's error. */
function roundedInputs(test: Bf16Case): Values {
  const rounded = (values: Float32Array) => scope(() => fromArray(values, [values.length], "bf16").toFloat32());
  return Object.fromEntries(Object.entries(inputValues(test)).map(([name, values]) => [name, test.stored.includes(name) ? rounded(values) : values]));
}

function expectClose(actual: Values, expected: Values, tolerance = TOLERANCE): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(tolerance);
}

describe("scalar in bf16 against fp32", () => {
  it.each(named)("%s", (_, test) => {
    addon.selectIsa("scalar");
    expectClose(run(test), run({ ...test, stored: [] } satisfies Bf16Case, roundedInputs(test)), AGAINST_FP32);
  });
});

describe.each(isas.filter((isa) => isa !== "scalar"))("%s against scalar, both in bf16", (isa) => {
  it.each(named)("%s", (_, test) => {
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa(isa);
    addon.setThreads(1);
    const actual = run(test);
    expectClose(actual, expected);
    addon.setThreads(3);
    expect(run(test)).toEqual(actual);
  });
});
