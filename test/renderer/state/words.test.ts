import { describe, expect, it } from "vitest";
import {
  baseName,
  count,
  dateTime,
  duration,
  folderOf,
  gibibytes,
  megabytes,
  parameterCount,
  percent,
  percentFigure,
  percentTick,
  points,
  sentence,
} from "../../../src-renderer/state/words";

describe.each([
  [
    count,
    [
      [5000, "5,000"],
      [99.6, "100"],
    ],
  ],
  [percent, [[0.6142, "61.4"]]],
  [percentFigure, [[0.6142, "61.4 %"]]],
  [
    percentTick,
    [
      [0.6, "60 %"],
      [0.625, "62.5 %"],
    ],
  ],
  [
    points,
    [
      [0.031, "+3.1"],
      [-0.031, "−3.1"],
      [0, "±0.0"],
      [-0.0004, "±0.0"],
      [0.0006, "+0.1"],
    ],
  ],
  [
    parameterCount,
    [
      [5526346, "5.5 M"],
      [6500, "7 k"],
      [12, "12"],
    ],
  ],
  [gibibytes, [[85899345920, "80.0"]]],
  [
    duration,
    [
      [200, "3 min 20 s"],
      [12.4, "12 s"],
      [7260, "2 h 1 min"],
      [-1, "0 s"],
      [Number.POSITIVE_INFINITY, "–"],
    ],
  ],
  [megabytes, [[170_400_000, "170 MB"]]],
] as [(value: number) => string, [number, string][]][])("%o", (inWords, cases) => {
  it.each(cases)("%d is %j", (value, text) => {
    expect(inWords(value)).toBe(text);
  });
});

describe.each([
  [
    sentence,
    [
      ["the disk is full", "The disk is full"],
      ["train.epochs: expected 1", "train.epochs: expected 1"],
      ["/tmp is full", "/tmp is full"],
      ["resnet18_cifar10 is unknown", "resnet18_cifar10 is unknown"],
    ],
  ],
  [
    baseName,
    [
      ["/a/b/", "b"],
      ["C:\\a\\b.png", "b.png"],
      ["/", "/"],
    ],
  ],
  [
    folderOf,
    [
      ["/a/b", "/a"],
      ["C:\\a\\b\\", "C:\\a"],
    ],
  ],
] as [(value: string) => string, [string, string][]][])("%o", (inWords, cases) => {
  it.each(cases)("%j is %j", (value, text) => {
    expect(inWords(value)).toBe(text);
  });
});

it("dates are read as people write them, and what is none is left out", () => {
  expect(dateTime("2026-11-24T09:05:00")).toBe("24 Nov 2026, 09:05");
  expect(dateTime("soon")).toBe("");
});
