import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { RawSplit } from "../../src-main/data/dataset";
import { divide, stratified } from "../../src-main/data/division";
import { useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

/** 60 images of one pixel, which says which image it is; 30 of class 0, 20 of class 1, 10 of class 2. */
const all: RawSplit = {
  labels: Int32Array.from({ length: 60 }, (_, i) => (i % 6 < 3 ? 0 : i % 6 < 5 ? 1 : 2)),
  pixels: Uint8Array.from({ length: 180 }, (_, i) => Math.floor(i / 3)),
  H: 1,
  W: 1,
  fingerprintOf: (n) => n,
};
const samples = ({ pixels }: RawSplit) => [...(pixels as Uint8Array)].filter((_, i) => i % 3 === 0);
/** With the fingerprint of each image, which says which it is. */
const contentOf = (split: RawSplit) => ({ ...split, fingerprintOf: Array.from(split.labels, (_, n) => split.fingerprintOf(n)) });
const perClass = (labels: Int32Array) => [0, 1, 2].map((k) => labels.filter((label) => label === k).length);

describe("a division of the training images", () => {
  test("leaves them as they are if nothing is asked for", () => {
    expect(divide(all, 3, {}, 0)).toEqual({ train: all, labelled: 60, validation: null });
  });

  test("holds back the same share of each class, whatever the seed, and trains on the others", () => {
    const { train, labelled, validation } = divide(all, 3, { validation: 12 }, 0);
    expect(perClass(validation!.labels)).toEqual([6, 4, 2]);
    expect([...samples(train), ...samples(validation!)].sort((a, b) => a - b)).toEqual(samples(all));
    expect(labelled).toBe(48);
    const again = divide(all, 3, { validation: 12 }, 1);
    expect([again.train, again.validation!].map(contentOf)).toEqual([train, validation!].map(contentOf));
    expect([train, validation!].map((split) => contentOf(split).fingerprintOf)).toEqual([samples(train), samples(validation!)]);
  });

  test("keeps labels of the same share of each class, by the seed, and drops the other images", () => {
    const { train, labelled } = divide(all, 3, { labelled: 30 }, 0);
    expect([labelled, perClass(train.labels)]).toEqual([30, [15, 10, 5]]);
    expect(train.labels).toEqual(Int32Array.from(samples(train), (sample) => all.labels[sample]!));
    expect(samples(divide(all, 3, { labelled: 30 }, 1).train)).not.toEqual(samples(train));
    expect(contentOf(divide(all, 3, { labelled: 30 }, 0).train)).toEqual(contentOf(train));
  });

  test("or keeps the others without their labels, after the labelled ones", () => {
    const labelled = divide(all, 3, { labelled: 30, validation: 12 }, 0);
    const { train, validation } = divide(all, 3, { labelled: 30, validation: 12, unlabelled: "rest" }, 0);
    expect(samples(train).slice(0, 30)).toEqual(samples(labelled.train));
    expect([...train.labels.subarray(30)]).toEqual(Array(18).fill(-1));
    expect([...samples(train), ...samples(validation!)].sort((a, b) => a - b)).toEqual(samples(all));
  });

  test("or adds images from elsewhere", () => {
    const more = { labels: Int32Array.of(-1, -1), pixels: Uint8Array.of(200, 200, 200, 201, 201, 201), H: 1, W: 1, fingerprintOf: (n: number) => 200 + n };
    const { train, labelled } = divide(all, 3, { unlabelled: "/photos" }, 0, more);
    expect([labelled, samples(train)]).toEqual([60, [...samples(all), 200, 201]]);
    expect(contentOf(train).fingerprintOf).toEqual(samples(train));
    expect([...train.labels]).toEqual([...all.labels, -1, -1]);
  });

  test("gives what is left of a share to the classes that it fits best", () => {
    const counts = (count: number) => perClass(stratified(all.labels, 3, count, { seed: 0, stream: 1 }).map((sample) => all.labels[sample]!));
    expect([4, 5, 60].map(counts)).toEqual([
      [2, 1, 1],
      [2, 2, 1],
      [30, 20, 10],
    ]);
  });

  test.each([
    [{ validation: 60 }, "data.validation: expected less than the 60 training images that there are, got 60"],
    [{ validation: 2 }, "data.validation: expected at least one image of each of the 3 classes, got 2"],
    [{ validation: 12, labelled: 49 }, "data.labelled: expected at most the 48 training images that there are, got 49"],
  ])("refuses %o", (settings, message) => {
    expect(() => divide(all, 3, settings, 0)).toThrow(message);
  });
});
