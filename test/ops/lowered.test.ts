// The files for AVX-512, AVX512_BF16 and AMX on a processor without them: compiled for AVX2, which computes the same results in parts, and with
// emulated tiles.
import { describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";
import { loweredPath, noLowered } from "./lowered-addon";

if (!noLowered) process.env.DISTILL_TEST_ADDON = loweredPath;
const { addon, bf16Cases, cases, run } = await import("./cases");
const { attention } = await import("../../src-main/tensor/ops/attention");
const { backward, fromArray, scope } = await import("../../src-main/tensor/tensor");

const fp32 = cases.map((test) => ({ ...test, stored: [] as string[], tolerance: 1e-5 }));
const bf16 = bf16Cases.map((test) => ({ ...test, tolerance: 1e-2 }));

describe.each(["avx512", "avx512_bf16", "amx"] as const)("%s lowered to AVX2, against scalar", (isa) => {
  it.for([...fp32, ...bf16].filter(({ large }) => !large))("$name; in bf16: $stored", (test, { skip }) => {
    if (noLowered) skip(noLowered);
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
