// Every instruction set against the scalar reference, number by number; and the same bits with any number of threads.
import { afterAll, describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";
import { addon, cases, isas, run } from "./cases";

const TOLERANCE = 1e-5;
const threads = addon.threads();
afterAll(() => addon.setThreads(threads));

describe.each(isas.filter((isa) => isa !== "scalar"))("%s against scalar", (isa) => {
  it.each(cases)("$name", (test) => {
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa(isa);
    const actual = run(test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe.each(isas)("%s with 1 and 3 threads", (isa) => {
  it.each(cases)("$name", (test) => {
    addon.selectIsa(isa);
    addon.setThreads(1);
    const expected = run(test);
    addon.setThreads(3);
    expect(run(test)).toEqual(expected);
  });
});
