// The files for AVX-512, AVX512_BF16 and AMX on a processor without them: compiled for AVX2, which computes the same results in parts, and with
// emulated tiles.
import { afterAll, describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";
import { loweredPath, noLowered } from "./lowered-addon";

if (!noLowered) process.env.DISTILL_TEST_ADDON = loweredPath;
const { addon, bf16Cases, cases, run } = await import("./cases");
const { attention } = await import("../../src-main/tensor/ops/attention");
const { backward, empty, fromArray, scope } = await import("../../src-main/tensor/tensor");

const threads = addon.threads();
const onThreads = (count: number, test: Parameters<typeof run>[0]) => {
  addon.setThreads(count);
  return run(test);
};
afterAll(() => addon.setThreads(threads));

const fp32 = cases.map((test) => ({ ...test, stored: [] as string[], tolerance: 1e-5 }));
const bf16 = bf16Cases.map((test) => ({ ...test, tolerance: 1e-2 }));

/** What amx computes by tiles. */
const tiled = (test: { op: string; stored: string[] }) => ["linear", "mlp", "conv2d", "conv2dNorm", "attention"].includes(test.op) && test.stored.length > 0;

// Products by tiles are also bitwise equal with any number of threads, as other test files expect of what the processor has.
describe.each(["avx512", "avx512_bf16", "amx"] as const)("%s lowered to AVX2, against scalar", (isa) => {
  it.for([...fp32, ...bf16].filter(({ large }) => !large))("$name; in bf16: $stored", (test, { skip }) => {
    if (noLowered) skip(noLowered);
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa(isa);
    const actual = onThreads(3, test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(test.tolerance);
    if (isa === "amx" && tiled(test)) expect(onThreads(1, test)).toEqual(actual);
  });
});

// e^-logsumexp, which the padding of an odd row of scores would get, is infinite here.
describe.each(["avx512", "avx512_bf16", "amx"] as const)("attention on %s where all scores are far below zero", (isa) => {
  it.for(["f32", "bf16"] as const)("has finite gradients in %s", (dtype, { skip }) => {
    if (noLowered) skip(noLowered);
    addon.selectIsa(isa);
    const [T, E] = [17, 32];
    const qkv = Float32Array.from({ length: T * 3 * E }, (_, i) => [6, -6, (i % 7) / 7][Math.floor(i / E) % 3]!);
    const gradient = scope(() => {
      const x = fromArray(qkv, [1, T, 3 * E], dtype);
      x.requiresGrad = true;
      backward(attention(x, 1), fromArray(qkv.subarray(0, T * E), [1, T, E], dtype));
      return x.grad!.toFloat32();
    });
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(gradient.some((value) => value !== 0)).toBe(true);
  });
});

describe("attention on amx in bf16", () => {
  const [T, E] = [37, 32];
  const packed = Float32Array.from({ length: T * 3 * E }, (_, i) => 2 * Math.sin(i * i));
  const attend = (isa: "scalar" | "amx", values: Float32Array) =>
    scope(() => {
      addon.selectIsa(isa);
      const [qkv, y, logsumexp] = [fromArray(values, [1, T, 3 * E], "bf16"), empty([1, T, E], "bf16"), empty([1, 1, T])];
      addon.attentionForward({ qkv: qkv.handle, y: y.handle, logsumexp: logsumexp.handle, heads: 1 });
      return { y: y.toFloat32(), logsumexp: logsumexp.toFloat32() };
    });

  it("leaves a logsumexp from which every other instruction set can go on", ({ skip }) => {
    if (noLowered) skip(noLowered);
    const [actual, expected] = [attend("amx", packed).logsumexp, attend("scalar", packed).logsumexp];
    expect(Math.max(...actual.map((value, t) => Math.abs(value - expected[t]!)))).toBeLessThan(1.5e-4);
  });

  it.for([
    ["a query", 0, 1],
    ["a key", E, T],
    ["a value", 2 * E, T],
  ] as const)("spreads NaN from %s to what depends on it", ([, place, rows], { skip }) => {
    if (noLowered) skip(noLowered);
    const { y } = attend(
      "amx",
      packed.map((value, i) => (i === 3 * E * 20 + place ? Number.NaN : value)),
    );
    const spoilt = Array.from({ length: T }, (_, t) => y.subarray(t * E, (t + 1) * E).some(Number.isNaN));
    expect(spoilt.filter(Boolean)).toHaveLength(rows);
    expect(spoilt[20]).toBe(true);
  });
});

describe("the arithmetic of bf16 products", () => {
  const products = bf16.filter(({ op, large }) => !large && /linear|mlp|conv|attention/.test(op));

  it.for(products)("is that of avx512 where fp32 is selected, to the bit: $name; in bf16: $stored", (test, { skip }) => {
    if (noLowered) skip(noLowered);
    addon.selectIsa("avx512");
    const widened = run(test);
    addon.selectIsa("avx512_bf16");
    addon.selectBf16Products("fp32");
    expect(run(test)).toEqual(widened);
    addon.selectBf16Products("bf16");
  });

  it("is bf16 until fp32 is selected, and fp32 where there is no instruction for it; both are measured", ({ skip }) => {
    if (noLowered) skip(noLowered);
    const states = (["avx512", "avx512_bf16", "amx"] as const).flatMap((isa) => {
      addon.selectIsa(isa);
      return (["fp32", "bf16"] as const).map((products) => {
        addon.selectBf16Products(products);
        return `${isa} ${products}: ${addon.cpuFeatures().bf16Products}, bf16 ${addon.measureProducts().bf16 === null ? "none" : "measured"}`;
      });
    });
    expect(states).toEqual([
      "avx512 fp32: fp32, bf16 none",
      "avx512 bf16: fp32, bf16 none",
      "avx512_bf16 fp32: fp32, bf16 measured",
      "avx512_bf16 bf16: bf16, bf16 measured",
      "amx fp32: fp32, bf16 measured",
      "amx bf16: bf16, bf16 measured",
    ]);
    expect(addon.measureProducts().fp32).toBeGreaterThan(0);
  });
});
