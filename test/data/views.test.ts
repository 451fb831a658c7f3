import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { cutBox, drawMixing } from "../../src-main/data/cutmix";
import { centralCrop, drawViews, type Sides, type ViewSettings } from "../../src-main/data/views";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());
/** Of torchvision's and timm's definitions (test/reference/make_training.py). */
const { statistics, boxes, central } = JSON.parse(readFileSync(new URL("../reference/training.json", import.meta.url), "utf8")).rectangles;

const DRAWS = 20_000;
const off: ViewSettings = { crop: 0, flip: false, resizedCrop: 0, erase: 0 };
const key = { seed: 5, epoch: 2 };
const views = (settings: Partial<ViewSettings>, { H = 32, W = 32, count = 100, ...change }: Partial<Sides & typeof key & { count: number }> = {}) =>
  drawViews(count, { H, W }, { ...off, ...settings }, { ...key, ...change })!;
const rowsOf = (matrix: Int32Array, columns: number) =>
  Array.from({ length: matrix.length / columns }, (_, n) => [...matrix.subarray(columns * n, columns * (n + 1))]);

interface Moments {
  share: number;
  deviation: number;
  height: number;
}

/** Within five standard errors of the mean, as the reference has errors of its own. */
function expectLike(rectangles: readonly number[][], { H, W }: Sides, expected: Moments): void {
  const shares = rectangles.map(([, , height, width]) => (height! * width!) / (H * W));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const average = mean(shares);
  expect(Math.abs(average - expected.share)).toBeLessThan((5 * expected.deviation) / Math.sqrt(shares.length));
  expect(Math.sqrt(mean(shares.map((share) => (share - average) ** 2))) / expected.deviation).toBeCloseTo(1, 1);
  expect(Math.abs(mean(rectangles.map(([, , height]) => height!)) - expected.height)).toBeLessThan(0.1);
}

describe.each<Sides & { crop: Moments; erased: Moments; box: Moments }>(statistics)("of images of $H x $W pixels", ({ H, W, ...expected }) => {
  test("resized crops are as torchvision draws them, and lie within the image", () => {
    const crops = rowsOf(views({ resizedCrop: 0.25 }, { H, W, count: DRAWS }), 9).map(([top, left, , height, width]) => [top!, left!, height!, width!]);
    expectLike(crops, { H, W }, expected.crop);
    for (const [top, left, height, width] of crops as [number, number, number, number][]) {
      if (top < 0 || left < 0 || height < 1 || width < 1 || top + height > H || left + width > W) expect([top, left, height, width]).toEqual("within");
    }
    // Every place is as likely.
    const free = crops.filter(([, , height]) => height! < H).map(([top, , height]) => (top! + 0.5) / (H - height! + 1));
    expect(free.reduce((sum, at) => sum + at, 0) / free.length).toBeCloseTo(0.5, 1.5);
  });

  test("erased rectangles are as torchvision draws them, within the view", () => {
    const erased = rowsOf(views({ erase: 1 }, { H, W, count: DRAWS }), 9).map((row) => row.slice(5));
    expectLike(erased, { H, W }, expected.erased);
    for (const [top, left, height, width] of erased as [number, number, number, number][]) {
      if (top < 0 || left < 0 || top + height > H || left + width > W) expect([top, left, height, width]).toEqual("within");
    }
  });

  test("boxes of CutMix are as timm draws them, and an image's share is what its box leaves", () => {
    const { boxes, shares } = drawMixing(DRAWS, { H, W }, { mixup: 0, cutmix: 1 }, key)!;
    const drawn = rowsOf(boxes!, 4);
    expectLike(drawn, { H, W }, expected.box);
    for (const [n, [top, left, height, width]] of (drawn as [number, number, number, number][]).entries()) {
      if (top < 0 || left < 0 || top + height > H || left + width > W) expect([top, left, height, width]).toEqual("within");
      if (shares[n] !== Math.fround(1 - (height * width) / (H * W))) expect(shares[n]).toBe(1 - (height * width) / (H * W));
    }
  });
});

test("given numbers lead to timm's box, and images of extreme shape to torchvision's central crop", () => {
  for (const { H, W, numbers, box } of boxes) expect(cutBox({ H, W }, ...(numbers as [number, number, number]))).toEqual(box);
  for (const { H, W, crop } of central) expect(centralCrop({ H, W })).toEqual(crop);
});

test("erasing happens as often as it should, and leaves crops and flips as they are", () => {
  const drawn = rowsOf(views({ crop: 4, flip: true, erase: 0.25 }, { count: DRAWS }), 9);
  const erased = drawn.filter((row) => row[7]! > 0).length / DRAWS;
  expect(Math.abs(erased - 0.25)).toBeLessThan(4 * Math.sqrt(0.1875 / DRAWS));
  expect(drawn.map((row) => row.slice(0, 3))).toEqual(rowsOf(views({ crop: 4, flip: true }, { count: DRAWS }), 3));
  expect(new Set(drawn.map((row) => row.slice(3, 5).join()))).toEqual(new Set(["32,32"]));
});

test("a view depends on seed, epoch and sample alone", () => {
  const settings = { flip: true, resizedCrop: 0.2, erase: 0.5 };
  expect(views(settings)).toEqual(views(settings));
  expect(views(settings, { count: 10 })).toEqual(views(settings).slice(0, 90));
  for (const change of [{ seed: 6 }, { epoch: 3 }]) expect(views(settings, change)).not.toEqual(views(settings));
});

test("with mixup and CutMix half of the images are blended and half covered; without either nothing is mixed", () => {
  const sides = { H: 32, W: 32 };
  const { boxes, shares, partners } = drawMixing(DRAWS, sides, { mixup: 0.4, cutmix: 1 }, key)!;
  const blended = drawMixing(DRAWS, sides, { mixup: 0.4, cutmix: 0 }, key)!;
  expect(blended.boxes).toBeNull();
  expect(partners).toEqual(blended.partners);
  const isCovered = rowsOf(boxes!, 4).map(([, , height, width]) => height! * width! > 0);
  const asBlended = shares.filter((share, n) => share === blended.shares[n]).length;
  expect(Math.abs(asBlended / DRAWS - 0.5)).toBeLessThan(0.03);
  for (const [n, covered] of isCovered.entries()) if (!covered && shares[n] !== blended.shares[n]) expect(shares[n]).toBe(1);
  expect(drawMixing(DRAWS, sides, { mixup: 0, cutmix: 0 }, key)).toBeNull();
});
