import { expect, it } from "vitest";
import { bestEpoch, bestInWords } from "../../src-main/contract/best-epoch";
import type { EpochRecord } from "../../src-main/contract/run";

const epochs = (...measured: [valAcc: number | null, testAcc: number | null][]): EpochRecord[] =>
  measured.map(([valAcc, testAcc], i) => ({
    ...{ epoch: i + 1, trainLoss: 1, trainAcc: 0.5, testAcc, testLoss: testAcc, emaAcc: null, emaLoss: null, seconds: 1 },
    ...{ valAcc, valLoss: valAcc },
  }));

it("is the first of those with the highest accuracy on the validation images; test images do not choose", () => {
  expect(bestEpoch(epochs([0.3, 0.9], [null, null], [0.5, 0.4], [0.5, 0.6], [0.4, 0.95]))).toEqual({ epoch: 3, valAcc: 0.5, testAcc: 0.4 });
  expect(bestEpoch(epochs([null, 0.9]))).toBeNull();
});

it("is told beside the last, or not at all", () => {
  const best = { epoch: 3, valAcc: 0.5, testAcc: 0.412 };
  expect(bestInWords([{ name: "student", best }])).toMatch(
    /^Best on the validation images: student after epoch 3 \(41\.2 % of the test images\)\. .*last epoch\.$/,
  );
  expect(bestInWords([{ name: "student", best: null }])).toBeNull();
});
