import { expect, it } from "vitest";
import { summarize } from "../../../src-main/contract/comparison";
import { seedsIn, suggestedSeeds } from "../../../src-renderer/state/more-seeds";

const arm = (testAcc: number) => ({ trainAcc: 0.5, testAcc, agreement: null, divergence: null, calibrationError: null });
const summaryOf = (...differences: number[]) =>
  summarize(
    differences.map((difference, seed) => ({
      seed,
      control: arm(0.4),
      student: arm(0.4 + difference),
      sameImages: null,
      difference,
      interval: null,
      seconds: 100,
      testImages: null,
      yardstick: null,
    })),
  );

it("as many more are offered as would show a difference, otherwise a few", () => {
  expect(suggestedSeeds(summaryOf(-0.01, 0.01, 0.03))).toBe(15);
  expect(suggestedSeeds(summaryOf(0.18, 0.17, 0.19))).toBe(2);
  expect(suggestedSeeds(summaryOf(...Array.from({ length: 999 }, () => 0.1)))).toBe(1);
});

it.each([
  ["3", 3],
  [" 12 ", 12],
  ["998", 998],
  ["999", null],
  ["0", null],
  ["1.5", null],
  ["", null],
  ["some", null],
])("%j is %j more of two", (text, count) => {
  expect(seedsIn(text, summaryOf(0.1, 0.2))).toBe(count);
});
