// The AVX-512 files on a processor without AVX-512: compiled for AVX2, which computes the same in halves.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { relativeError } from "../reference/goldens";

const lowered = fileURLToPath(new URL("../../native/build/Release/distill_core_lowered.node", import.meta.url));
const missing = existsSync(lowered) ? null : "run by `npm test` on x86 with g++, which builds the addon for it";
if (!missing) process.env.DISTILL_TEST_ADDON = lowered;
const { addon, bf16Cases, cases, run } = await import("./cases");

const fp32 = cases.map((test) => ({ ...test, stored: [] as string[], tolerance: 1e-5 }));
const bf16 = bf16Cases.map((test) => ({ ...test, tolerance: 1e-2 }));

describe("AVX-512 lowered to AVX2, against scalar", () => {
  it.for([...fp32, ...bf16].filter(({ large }) => !large))("$name; in bf16: $stored", (test, { skip }) => {
    if (missing) skip(missing);
    addon.selectIsa("scalar");
    const expected = run(test);
    addon.selectIsa("avx512");
    const actual = run(test);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const name in expected) expect(relativeError(actual[name]!, expected[name]!), `relative L2 error of ${name}`).toBeLessThanOrEqual(test.tolerance);
  });
});
