import { expect, test } from "vitest";
import { chosenInWords, noBetterInWords } from "../../src-main/contract/teacher";

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

test("a teacher with few wrong answers says why it has no temperature", () => {
  const images = { train: 240, validation: 60, test: 60, mirrored: true };
  const with1Wrong = { accuracy: 59 / 60, loss: 0.1, calibrationError: 0.1, calibrated: null };
  expect(chosenInWords({ images, heldBack: true, decay: 0.03, temperature: null, validation: with1Wrong, fineTuning: null })).toMatch(
    /No temperature is stored: of these 60 images only 1 is classified wrongly, and it takes 6 wrong answers to tell how sure the teacher may be\.$/,
  );
});
