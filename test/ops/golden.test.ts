// Every op against PyTorch: values and gradients, on every instruction set of this machine.
import { describe, expect, it } from "vitest";
import { sample } from "../reference/formula";
import { readGoldens, relativeError } from "../reference/goldens";
import { addon, cases, isas, run } from "./cases";

const TOLERANCE = 1e-5;
const goldens = readGoldens("ops.safetensors");

it("has no golden values of anything else", () => {
  const names = new Set(cases.map(({ name }) => name));
  expect([...goldens.keys()].filter((name) => !names.has(name.slice(0, name.lastIndexOf("/"))))).toEqual([]);
});

describe.each(isas)("%s", (isa) => {
  it.each(cases.filter(({ large }) => !large || isa !== "scalar"))("$name", (test) => {
    addon.selectIsa(isa);
    const actual = run(test);
    const expected = [...goldens].filter(([name]) => name.startsWith(`${test.name}/`));
    const computed = Object.keys(actual).filter((name) => !name.includes(".")); // some optimizers have no moments
    expect(expected.map(([name]) => name)).toEqual(expect.arrayContaining(computed.map((name) => `${test.name}/${name}`)));
    for (const [name, values] of expected) {
      const result = actual[name.slice(test.name.length + 1)];
      expect(result, `${name}: not computed`).toBeDefined();
      expect(relativeError(sample(name, result!), values), `relative L2 error of ${name}`).toBeLessThanOrEqual(TOLERANCE);
    }
  });
});
