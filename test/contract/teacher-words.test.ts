import { expect, test } from "vitest";
import { noBetterInWords } from "../../src-main/contract/teacher";

const found = (confusion: number[][]) => ({ classes: ["A", "B"], test: { confusion } }) as Parameters<typeof noBetterInWords>[0];

test("a teacher that always gives one answer is no better than that", () => {
  expect(
    noBetterInWords(
      found([
        [40, 0],
        [5, 0],
      ]),
    ),
  ).toBe('That is no better than always answering "A", which is right on 88.9 % of the test images.');
});

test("one right answer more is better", () => {
  expect(
    noBetterInWords(
      found([
        [40, 0],
        [4, 1],
      ]),
    ),
  ).toBeNull();
});
