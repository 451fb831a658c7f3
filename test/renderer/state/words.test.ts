import { describe, expect, it } from "vitest";
import * as words from "../../../src-renderer/state/words";

describe.each<[keyof typeof words, [never, string][]]>([
  [
    "sentence",
    [
      ["the disk is full", "The disk is full"],
      ["train.epochs: expected 1", "train.epochs: expected 1"],
      ["/tmp is full", "/tmp is full"],
      ["resnet18_cifar10 is unknown", "resnet18_cifar10 is unknown"],
      ["stopped", "stopped"],
    ] as [never, string][],
  ],
  [
    "count",
    [
      [5000, "5,000"],
      [99.6, "100"],
    ] as unknown as [never, string][],
  ],
  ["percent", [[0.6142, "61.4"]] as unknown as [never, string][]],
  ["percentFigure", [[0.6142, "61.4 %"]] as unknown as [never, string][]],
  [
    "percentTick",
    [
      [0.6, "60 %"],
      [0.625, "62.5 %"],
    ] as unknown as [never, string][],
  ],
  [
    "points",
    [
      [0.031, "+3.1"],
      [-0.031, "−3.1"],
      [0, "±0.0"],
      [-0.0004, "±0.0"],
      [0.0006, "+0.1"],
    ] as unknown as [never, string][],
  ],
  [
    "parameterCount",
    [
      [5526346, "5.53 M"],
      [6500, "7 k"],
      [12, "12"],
    ] as unknown as [never, string][],
  ],
  ["gibibytes", [[85899345920, "80.0"]] as unknown as [never, string][]],
  [
    "duration",
    [
      [200, "3 min 20 s"],
      [12.4, "12 s"],
      [7260, "2 h 1 min"],
      [-1, "0 s"],
      [Number.POSITIVE_INFINITY, "–"],
    ] as unknown as [never, string][],
  ],
  ["megabytes", [[170_400_000, "170 MB"]] as unknown as [never, string][]],
  [
    "baseName",
    [
      ["/a/b/", "b"],
      ["C:\\a\\b.png", "b.png"],
      ["/", "/"],
    ] as [never, string][],
  ],
  [
    "folderOf",
    [
      ["/a/b", "/a"],
      ["C:\\a\\b\\", "C:\\a"],
    ] as [never, string][],
  ],
])("%s", (name, cases) => {
  it.each(cases)("of %j is %j", (value, text) => {
    expect(words[name](value)).toBe(text);
  });
});

it("dates are read as people write them, and what is none is left out", () => {
  expect(words.dateTime("2026-11-24T09:05:00")).toBe("24 Nov 2026, 09:05");
  expect(words.dateTime("soon")).toBe("");
});
