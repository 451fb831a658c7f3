import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { drawBeta, drawMixup } from "../../src-main/data/mixup";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

describe("draws from Beta(alpha, alpha)", () => {
  const DRAWS = 200_000;
  const moment = (values: Float64Array, power: number) => values.reduce((sum, value) => sum + (value - 0.5) ** power, 0) / values.length;

  test.each([0.2, 0.7, 1, 2, 10])("of alpha %d have its moments", (alpha) => {
    const draws = drawBeta(DRAWS, alpha, { seed: 1, stream: 2 });
    const variance = 1 / (4 * (2 * alpha + 1));
    const fourth = variance ** 2 * (3 - 6 / (2 * alpha + 3));
    // Four standard errors.
    const error = 4 * Math.sqrt(variance / DRAWS);
    expect(Math.abs(moment(draws, 1))).toBeLessThan(error);
    expect(Math.abs(moment(draws, 3))).toBeLessThan(error / 4);
    expect(Math.abs(moment(draws, 2) - variance)).toBeLessThan(4 * Math.sqrt((fourth - variance ** 2) / DRAWS));
    expect(moment(draws, 4) / fourth).toBeCloseTo(1, 1);
  });

  test.each<[alpha: number, below: (x: number) => number]>([
    [0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x) => x],
    [2, (x) => x * x * (3 - 2 * x)],
  ])("of alpha %d lie below each value as often as they should", (alpha, below) => {
    const draws = drawBeta(DRAWS, alpha, { seed: 3, stream: 4 }).sort();
    const distance = draws.reduce((largest, x, i) => Math.max(largest, Math.abs(below(x) - (i + 0.5) / DRAWS)), 0);
    // Kolmogorov and Smirnov: exceeded once in 1000 times.
    expect(distance).toBeLessThan(1.95 / Math.sqrt(DRAWS));
  });

  test("are numbers in 0 ... 1 with the smallest alpha too", () => {
    for (const alpha of [1e-3, 1e-300, Number.MIN_VALUE]) expect(drawBeta(1000, alpha, { seed: 1, stream: 2 }).every((x) => x >= 0 && x <= 1)).toBe(true);
  });
});

describe("a sample's mixture", () => {
  const options = { alpha: 0.4, seed: 5, epoch: 2 };
  const mixup = (change: Partial<typeof options> = {}, count = 1000) => drawMixup(count, { ...options, ...change });

  test("depends on seed, epoch and sample alone, its share not even on how many there are", () => {
    expect(mixup()).toEqual(mixup());
    expect(mixup().shares.slice(0, 10)).toEqual(mixup({}, 10).shares);
    for (const change of [{ seed: 6 }, { epoch: 3 }]) {
      expect(mixup(change).shares).not.toEqual(mixup().shares);
      expect(mixup(change).partners).not.toEqual(mixup().partners);
    }
  });

  test("is mostly the sample, its partner any other as often", () => {
    const { partners, shares } = mixup({}, 10_000);
    expect(shares.every((share) => share >= 0.5 && share <= 1)).toBe(true);
    const counts = Array.from({ length: 10 }, (_, tenth) => partners.filter((partner) => Math.floor(partner / 1000) === tenth).length);
    // Four standard deviations.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(900));
  });
});
