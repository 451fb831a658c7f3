import { beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { dominantOf, labelsOf, mixtureOf, type Rendering, render } from "../../src-main/data/batches";
import type { Split } from "../../src-main/data/dataset";
import { openDataset } from "../../src-main/data/open-dataset";
import { epochOrder } from "../../src-main/data/order";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

const view: Rendering = { imageSize: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.5], precision: "fp32" };

let split: Split;
beforeAll(async () => {
  split = (await openDataset({ path: "bundled", format: "auto", trainLimit: 50, testLimit: 1 })).train;
});

const pixels = (indices: number[], views: number[] | null = null) =>
  render(split, { indices: Int32Array.from(indices), views: views && Int32Array.from(views) }, view).toFloat32();

describe("a batch", () => {
  test("holds the requested samples, normalised by channel, and their labels", () => {
    const stored = split.images.toUint8();
    const expected = [3, 41].flatMap((i) =>
      [...stored.slice(i * 3072, (i + 1) * 3072)].map((value, at) => (value / 255 - view.mean[at % 3]!) / view.std[at % 3]!),
    );
    const got = pixels([3, 41]);
    expect(got).toHaveLength(2 * 3072);
    expect(Math.max(...got.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
    expect([...labelsOf(split, Int32Array.of(3, 41)).toInt32()]).toEqual([split.labels[3], split.labels[41]]);
  });

  test("shows each sample in its view, whatever its position", () => {
    const stored = [...pixels([5])];
    expect([...pixels([5], [0, 0, 0])]).toEqual(stored);
    const mirrored = [...pixels([5], [0, 0, 1])];
    expect(mirrored).not.toEqual(stored);
    expect([...pixels([9, 5], [2, -3, 0, 0, 0, 1]).slice(3072)]).toEqual(mirrored);
    // One pixel to the right: the first column of the view is the second of the image.
    expect([...pixels([5], [0, 1, 0])].slice(0, 3)).toEqual(stored.slice(3, 6));
  });

  test("mixes each sample with its partner, both in their views, in its share", () => {
    const mix = { partners: Int32Array.of(7, 9), views: Int32Array.of(0, 1, 0, 2, 0, 1), shares: Float32Array.of(0.75, 1) };
    const mixed = render(split, { indices: Int32Array.of(5, 6), views: Int32Array.of(0, 0, 1, 1, 0, 0), mix }, view).toFloat32();
    const [own, partner] = [pixels([5], [0, 0, 1]), pixels([7], [0, 1, 0])];
    expect(Math.max(...own.map((value, i) => Math.abs(0.75 * value + 0.25 * partner[i]! - mixed[i]!)))).toBeLessThan(1e-6);
    expect(mixed.slice(3072)).toEqual(pixels([6], [1, 0, 0]));
  });

  test("shows a part of a sample at full size, and black where it is erased, at any size of the network", () => {
    // The upper left quarter, mirrored, with its first two columns erased.
    const quarter = (imageSize: number) =>
      render(split, { indices: Int32Array.of(5), views: Int32Array.of(0, 0, 1, 16, 16, 0, 0, 16, 2) }, { ...view, imageSize }).toFloat32();
    const black = [0, 1, 2].map((c) => Math.fround((0 - view.mean[c]!) / view.std[c]!));
    const stored = pixels([5], [0, 0, 1]);
    const small = quarter(16);
    for (let h = 0; h < 16; h++) {
      expect([...small.subarray(48 * h, 48 * h + 6)]).toEqual([...black, ...black]);
      expect(small.subarray(48 * h + 6, 48 * h + 48)).toEqual(stored.subarray(96 * h + 54, 96 * h + 96));
    }
    // At twice the size each 2 x 2 block has about the value of its pixel; the column beside the border is half way.
    const large = quarter(32);
    for (const column of [0, 1, 2])
      expect([...large.subarray(3 * column, 3 * column + 3)].map((v, c) => Math.abs(v - black[c]!) < 1e-5)).toEqual([true, true, true]);
  });

  test.each([16, 24, 32, 64])("covers a part of a sample with its partner where pixels' centres lie in it, at %i pixels", (imageSize) => {
    const at = { ...view, imageSize };
    const alone = (index: number) => render(split, { indices: Int32Array.of(index), views: null }, at).toFloat32();
    const mix = {
      partners: Int32Array.of(7, 9),
      views: null,
      shares: Float32Array.of(1 - (8 * 12) / 1024, 0.75),
      boxes: Int32Array.of(5, 16, 8, 12, 0, 0, 0, 0),
    };
    const mixed = render(split, { indices: Int32Array.of(5, 6), views: null, mix }, at).toFloat32();
    const [own, partner] = [alone(5), alone(7)];
    let covered = 0;
    for (let i = 0; i < own.length; i += 3) {
      const [y, x] = [Math.floor(i / 3 / imageSize), (i / 3) % imageSize].map((pixel) => ((pixel + 0.5) * 32) / imageSize) as [number, number];
      const isInside = y >= 5 && y < 13 && x >= 16 && x < 28;
      if (isInside) covered++;
      expect(mixed.subarray(i, i + 3)).toEqual((isInside ? partner : own).subarray(i, i + 3));
    }
    if (imageSize % 32 === 0) expect(covered / imageSize ** 2).toBe(1 - mix.shares[0]!);
    const [first, second] = [alone(6), alone(9)];
    const blended = mixed.subarray(own.length);
    expect(Math.max(...first.map((value, i) => Math.abs(0.75 * value + 0.25 * second[i]! - blended[i]!)))).toBeLessThan(1e-6);
  });

  test("counts the label of whichever image has the larger share", () => {
    const mix = { partners: Int32Array.of(7, 9), views: null, shares: Float32Array.of(0.4, 0.5) };
    expect([...dominantOf({ indices: Int32Array.of(5, 6), views: null, mix })]).toEqual([7, 6]);
    expect([...dominantOf({ indices: Int32Array.of(5, 6), views: null })]).toEqual([5, 6]);
  });

  test("has both labels of a mixture in their shares, and 1 where they are the same", () => {
    const [first, second] = [split.labels[0]!, split.labels[1]!];
    expect(first).not.toBe(second);
    const mix = { partners: Int32Array.of(1, 0), views: null, shares: Float32Array.of(0.7, 0.6) };
    const mixture = mixtureOf(split, Int32Array.of(0, 0), mix, 10);
    expect(mixture.shape).toEqual([2, 10]);
    const expected = new Float32Array(20);
    expected[first] = 0.7;
    expected[second] = 1 - Math.fround(0.7);
    expected[10 + first] = 1;
    expect(mixture.toFloat32()).toEqual(expected);
  });

  test.each([32, 33, 1000, -32, -1000, 2 ** 31 - 1, -(2 ** 31)])("is black beyond the border: offset %i", (offset) => {
    const black = [0, 1, 2].map((c) => Math.fround((0 - view.mean[c]!) / view.std[c]!));
    for (const seen of [pixels([5], [offset, 0, 0]), pixels([5], [0, offset, 1])]) {
      expect([...new Set(seen)].sort()).toEqual(black.map((value) => seen.find((each) => Math.abs(each - value) < 1e-6)!).sort());
    }
  });
});

describe("the order of an epoch", () => {
  const order = (seed: number, epoch: number, shuffle = true) => [...epochOrder(1000, { shuffle, seed, epoch })];
  const stored = Array.from({ length: 1000 }, (_, i) => i);

  test("has every sample once", () => {
    expect(order(0, 1).sort((a, b) => a - b)).toEqual(stored);
  });

  test("depends only on seed and epoch", () => {
    expect(order(0, 1)).toEqual(order(0, 1));
    expect(order(0, 1)).not.toEqual(order(0, 2));
    expect(order(0, 1)).not.toEqual(order(1, 1));
  });

  test("is that of the files without shuffling", () => {
    expect(order(0, 3, false)).toEqual(stored);
  });
});
