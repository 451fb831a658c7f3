// Each format's file or folder is taken back by this program: with the same answers, and with what the format can say of classes, images and sizes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { type ExportFormatName, type ExportOptions, exportFormatNames, exportFormats } from "../../src-main/contract/exports";
import { writers } from "../../src-main/export/writers";
import { hashWeights, saveWeights } from "../../src-main/models/weights";
import { useBackend } from "../../src-main/tensor/tensor";
import { loadNetwork } from "../../src-main/training/network";
import { formulaImages, formulaModel } from "../reference/models";
import { errorOf, logitsOf } from "./compared";

/** As nobody should name a class, and somebody will. */
const CLASSES = ['"quoted"', "it's", "a/b\\c", "", " ", "Käse 🧀", "- yaml: [#", "```", "two\nlines", "<b>&amp;"];
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] };

interface Format {
  options: ExportOptions;
  /** Whether classes, normalisation and sizes come back; otherwise weights alone. */
  says: boolean;
  /** Whether the weights are the same to the bit. */
  exact: boolean;
  /** Largest difference of the answers, as a part of the largest. */
  error: number;
}

/** By format, so that the compiler misses one that is added. A script holds no trained weights. */
const formats: { [Name in Exclude<ExportFormatName, "training-script">]: readonly Format[] } = {
  safetensors: [
    { options: { precision: "fp32" }, says: true, exact: true, error: 0 },
    { options: { precision: "bf16" }, says: true, exact: false, error: 0.05 },
  ],
  torch: [{ options: {}, says: false, exact: true, error: 0 }],
  timm: [{ options: {}, says: true, exact: true, error: 0 }],
  onnx: [
    { options: {}, says: true, exact: false, error: 1e-5 },
    { options: { rawInput: true, softmax: true }, says: true, exact: false, error: 1e-5 },
  ],
};
const models = [
  { name: "resnet20_cifar10", imageSize: 32, patchSize: null },
  { name: "vit_micro_patch4_32", imageSize: 32, patchSize: 8 },
] as const;
const cases = models.flatMap((model) =>
  Object.entries(formats).flatMap(([name, each]) => each.map((format) => ({ model, name: name as keyof typeof formats, ...format }))),
);

let folder: string;
beforeAll(() => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "round-trip-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("every format that can be taken back is among these", () => {
  expect(Object.keys(formats).sort()).toEqual(exportFormatNames.filter((name) => name !== "training-script").sort());
});

test.each(cases)("$model.name as $name, $options", async ({ model: { name: modelName, imageSize, patchSize }, name, options, says, exact, error }) => {
  const model = formulaModel(modelName, { imageSize, patchSize }).eval();
  const hash = hashWeights(model);
  const network = { model, normalization, assumption: null, notes: [], origin: null, hash, classes: CLASSES, trainedAt: null };
  const out = join(folder, `${modelName}-${Object.keys(options).join("-")}${Object.values(options)[0] ?? ""}${exportFormats[name].ending ?? ""}`);
  const file = join(folder, `${modelName}.safetensors`);
  saveWeights(model, file, { classes: CLASSES, ...normalization });
  await writers[name]({ network, classes: CLASSES, file, run: null, made: null }, out, options, { notify() {}, yieldPoint: async () => {} });
  const back = loadNetwork({ model: modelName, weights: out, ...(!says && { imageSize, patchSize: patchSize ?? undefined }) });
  const images = () => formulaImages("images", 2, imageSize);
  expect(errorOf(logitsOf(back.model, images), logitsOf(model, images))).toBeLessThanOrEqual(error);
  if (exact) expect(back.hash).toBe(hash);
  expect(back.classes).toEqual(says ? CLASSES : null);
  if (says) expect([back.normalization, back.model.sizes]).toEqual([normalization, model.sizes]);
  for (const each of [model, back.model]) each.release();
  rmSync(out, { recursive: true });
});
