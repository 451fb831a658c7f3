// Every instruction set against the scalar reference, number by number; and the same bits with any number of threads.
import { afterAll, describe, expect, it } from "vitest";
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

const bytes = (values: Float32Array) => Buffer.from(values.buffer);
