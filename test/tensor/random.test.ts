// Counter-based random numbers against the algorithm written out with big integers, and by their statistics.
import { afterAll, describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { randomNormal, randomPermutation, randomUniform } from "../../src-main/tensor/ops/random";
import { empty, scope, useBackend } from "../../src-main/tensor/tensor";

const addon = loadAddon();
useBackend(addon);
const threads = addon.threads();
afterAll(() => addon.setThreads(threads));

const MASK = 0xffffffffn;

/** Philox 4x32-10 (Salmon et al. 2011): four 32-bit numbers. */
function philox(seed: bigint, [c0, c1, c2, c3]: bigint[]): number[] {
  let counter = [c0!, c1!, c2!, c3!] as const;
  for (let round = 0n; round < 10n; round++) {
    const [a, b] = [counter[0] * 0xd2511f53n, counter[2] * 0xcd9e8d57n];
    const [k0, k1] = [seed + round * 0x9e3779b9n, (seed >> 32n) + round * 0xbb67ae85n];
    counter = [((b >> 32n) ^ counter[1] ^ k0) & MASK, b & MASK, ((a >> 32n) ^ counter[3] ^ k1) & MASK, a & MASK];
  }
  return counter.map(Number);
}

const uniform = (size: number, seed: number, stream: number, low = 0, high = 1) =>
  scope(() => {
    const y = empty([size]);
    randomUniform(y, { seed, stream, low, high });
    return y.toFloat32();
  });

describe("random numbers", () => {
  it("match the paper's", () => {
    // The first vector of Random123's kat_vectors.
    expect(philox(0n, [0n, 0n, 0n, 0n])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    for (const [seed, stream] of [
      [0, 0],
      [7, 3],
      [2 ** 53 - 1, 2 ** 40 + 5],
    ] as const) {
      const expected = [0n, 1n, 2n].flatMap((group) => philox(BigInt(seed), [group, 0n, BigInt(stream) & MASK, BigInt(stream) >> 32n]));
      expect(uniform(11, seed, stream)).toEqual(Float32Array.from(expected.slice(0, 11), (bits) => bits * 2 ** -32));
    }
  });

  it("stay below the upper bound", () => {
    for (const [low, high] of [
      [0, 1],
      [1, 1 + 2 ** -22],
      [-3e38, 3e38],
      [5, 5],
    ] as const) {
      const values = uniform(100_000, 1, 0, low, high);
      expect(values.every((value) => value >= Math.fround(low) && (value < Math.fround(high) || low === high))).toBe(true);
    }
  });

  it("are bitwise equal with any number of threads", () => {
    const drawn = [1, 2, 5].map((count) => {
      addon.setThreads(count);
      return Buffer.from(uniform(70_001, 5, 6).buffer);
    });
    for (const bytes of drawn) expect(bytes.equals(drawn[0]!)).toBe(true);
  });

  it("are normal", () => {
    scope(() => {
      const size = 200_000;
      const y = empty([size]);
      randomNormal(y, { seed: 1, stream: 2, mean: 3, std: 2 });
      const z = y.toFloat32().map((value) => (value - 3) / 2);
      const moment = (power: number) => z.reduce((sum, value) => sum + value ** power, 0) / size;
      // Four standard errors of the mean of z^n, whose variance is (2n - 1)!! minus the square of its mean.
      for (const [power, expected, variance] of [
        [1, 0, 1],
        [2, 1, 2],
        [3, 0, 15],
        [4, 3, 96],
      ] as const)
        expect(Math.abs(moment(power) - expected)).toBeLessThan(4 * Math.sqrt(variance / size));
    });
  });
});

describe("a random permutation", () => {
  it("has each number once, in an order that depends on the key", () => {
    const order = (seed: number, size: number) => scope(() => [...randomPermutation(size, { seed, stream: 0 }).toInt32()]);
    for (const size of [1, 2, 1000]) expect(order(1, size).sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
    expect(order(1, 1000)).toEqual(order(1, 1000));
    expect(order(1, 1000)).not.toEqual(order(2, 1000));
  });

  it("has all orders about equally often", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = scope(() => randomPermutation(3, { seed, stream: 9 }).toInt32().join());
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(1000 * (5 / 6)));
  });
});
