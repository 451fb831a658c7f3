import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ComparisonResult, TrainResult } from "../../src-main/contract/run";

/** A temporary folder with a recipe in it. */
export function folderWithRecipe(): string {
  const folder = mkdtempSync(join(tmpdir(), "distill-cli-"));
  writeFileSync(join(folder, "recipe.json"), JSON.stringify({ data: { path: "photos" }, student: { model: "vit_tiny_patch16_224" } }));
  return folder;
}

export const trained = (arm: TrainResult["arm"], testAcc: number): TrainResult => ({
  directory: `/runs/x/${arm}`,
  arm,
  epochs: 5,
  trainAcc: testAcc + 0.05,
  testAcc,
  testLoss: 1.5,
  emaAcc: null,
  seconds: 65,
  imagesPerSecond: 1000,
  hashes: { data: "d", initialWeights: "w", batches: "b", teacher: null },
  best: null,
});
const answers = { deviation: null, agreement: 0.55, divergence: 1.25, calibrationError: 0.031 };
export const compared: ComparisonResult = {
  directory: "/runs/x",
  seed: 7,
  teacher: { model: "resnet20_cifar10", precision: "fp32", testAcc: 0.9, seen: [] },
  control: { ...trained("control", 0.4), ...answers },
  student: { ...trained("student", 0.45), ...answers },
  sameImages: null,
  difference: 0.05,
  differences: [0.05],
  seconds: 130,
  seeds: [7],
  deviation: null,
  interval: [0.01, 0.09],
  intervalOver: "test images",
  moreSeeds: null,
  testImages: 1000,
  yardstick: null,
  controlled: true,
  reason: null,
  tunedSeparately: false,
  differentImages: false,
  differingSettings: [],
  provenTo: 32,
  report: "/runs/x/report.html",
};
