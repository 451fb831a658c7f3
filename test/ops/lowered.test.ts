// The files for AVX-512, AVX512_BF16 and AMX on a processor without them: compiled for AVX2, which computes the same results in parts, and with
// emulated tiles.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";

const lowered = fileURLToPath(new URL("../../native/build/Release/distill_core_lowered.node", import.meta.url));
const missing = existsSync(lowered) ? null : "run by `npm test` on x86 with g++, which builds the addon for it";
if (!missing) process.env.DISTILL_TEST_ADDON = lowered;
const { addon, bf16Cases, cases, run } = await import("./cases");
const { attention } = await import("../../src-main/tensor/ops/attention");
const { backward, fromArray, scope } = await import("../../src-main/tensor/tensor");

const fp32 = cases.map((test) => ({ ...test, stored: [] as string[], tolerance: 1e-5 }));
const bf16 = bf16Cases.map((test) => ({ ...test, tolerance: 1e-2 }));

describe.each(["avx512", "avx512_bf16", "amx"] as const)("%s lowered to AVX2, against scalar", (isa) => {
  it.for([...fp32, ...bf16].filter(({ large }) => !large))("$name; in bf16: $stored", (test, { skip }) => {
    if (missing) skip(missing);
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa(isa);
    const actual = run(test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(test.tolerance);
  });
});

// e^-logsumexp, which the padding of an odd row of scores would get, is infinite here.
describe.each(["avx512", "avx512_bf16", "amx"] as const)("attention on %s where all scores are far below zero", (isa) => {
  it.for(["f32", "bf16"] as const)("has finite gradients in %s", (dtype, { skip }) => {
    if (missing) skip(missing);
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

describe("the arithmetic of bf16 products", () => {
  const products = bf16.filter(({ op, large }) => !large && /linear|mlp|conv|attention/.test(op));

  it.for(products)("is that of avx512 where fp32 is selected, to the bit: $name; in bf16: $stored", (test, { skip }) => {
    if (missing) skip(missing);
    addon.selectIsa("avx512");
    const widened = run(test);
    addon.selectIsa("avx512_bf16");
    addon.selectBf16Products("fp32");
    expect(run(test)).toEqual(widened);
    addon.selectBf16Products("bf16");
  });

  it("is bf16 until fp32 is selected, and fp32 where there is no instruction for it; both are measured", ({ skip }) => {
    if (missing) skip(missing);
    const states = (["avx512", "avx512_bf16"] as const).flatMap((isa) => {
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
    ]);
    expect(addon.measureProducts().fp32).toBeGreaterThan(0);
  });
});
