import { expect, test } from "vitest";
import { stripOf } from "../../src-main/contract/strip";

test("marks lie between the ends, in the order of their values", () => {
  const { zero, mean, interval, seeds, ticks } = stripOf({ difference: 0.013, differences: [0.03, 0, 0.009], interval: [-0.006, 0.031] });
  expect(interval![0]).toBeLessThan(zero);
  expect(zero).toBe(seeds[1]);
  expect(seeds.map((at) => Math.sign(at - mean))).toEqual([1, -1, -1]);
  expect(interval![1]).toBeGreaterThan(seeds[0]!);
  for (const at of [...seeds, ...interval!, ...ticks.map((tick) => tick.at)]) expect(at).toSatisfy((x: number) => x >= 0 && x <= 1);
  expect(ticks.map(({ label }) => label)).toEqual(["0", "+1", "+2", "+3"]);
});

test("one seed has no marks of seeds, and an interval without width is none", () => {
  expect(stripOf({ difference: -0.2, differences: [-0.2], interval: [-0.2, -0.2] })).toMatchObject({ seeds: [], interval: null });
  expect(stripOf({ difference: -0.2, differences: [-0.2], interval: null }).ticks.map(({ label }) => label)).toEqual(["−20", "−15", "−10", "−5", "0"]);
});

test("no difference at all has a place in the middle", () => {
  const { zero, ticks } = stripOf({ difference: 0, differences: [0, 0], interval: null });
  expect(zero).toBeCloseTo(0.5, 12);
  expect(ticks.map(({ label }) => label)).toContain("0");
});

test("words say what the picture shows", () => {
  expect(stripOf({ difference: 0.013, differences: [0.02, 0.006], interval: [-0.006, 0.031] }).words).toBe(
    "Difference +1.3 points, with 95 % confidence between −0.6 and +3.1; the seeds: +2.0, +0.6. 0 means no difference.",
  );
});
