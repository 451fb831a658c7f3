// What the product checks a file by says the same of it as onnxruntime.
import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { onnxModel } from "../../src-main/export/onnx-model";
import { floatArray } from "../../src-main/onnx/array";
import { Evaluation } from "../../src-main/onnx/evaluate";
import { useBackend } from "../../src-main/tensor/tensor";
import { channelsFirst, errorOf, logitsOf, logitsOfImage, someImage, trained } from "../export/compared";
import { answers, session } from "../export/onnxruntime";
import { tinyModel, tinyModels } from "../export/tiny-models";
import { formulaImages } from "../reference/models";

useBackend(loadAddon());

const pixelsOf = (Z: number) => floatArray([2, 3, Z, Z], channelsFirst(formulaImages("images", 2, Z).toFloat32(), 2));

test.each(tinyModels)("%s", (kind) => {
  const model = tinyModel(kind);
  const found = new Evaluation(onnxModel(trained(model)).graph).run(pixelsOf(model.imageSize));
  expect(found.shape).toEqual([2, 10]);
  const expected = logitsOf(model, () => formulaImages("images", 2, model.imageSize));
  expect(errorOf(found.values as Float32Array, expected)).toBeLessThan(2e-6);
});

test.each([
  [32, 32],
  [33, 47],
  [7, 7],
  [129, 301],
])("raw images of %i x %i pixels", async (H, W) => {
  const model = tinyModel("ViT");
  const evaluation = new Evaluation(onnxModel(trained(model), { rawInput: true }).graph);
  const data = someImage(H, W);
  const { values } = evaluation.run({ type: "uint8", shape: [1, H, W, 3], values: data });
  expect(errorOf(values as Float32Array, await logitsOfImage(model, data, H, W))).toBeLessThan(2e-6);
});

describe("weights of 8 bits", () => {
  test.each(["ViT", "DINOv2 with registers"])("%s answers as in onnxruntime, so what they cost can be measured without it", async (kind) => {
    const model = tinyModel(kind);
    const bytes = onnxModel(trained(model), { int8: true });
    const pixels = pixelsOf(model.imageSize);
    const found = new Evaluation(bytes.graph).run(pixels).values as Float32Array;
    expect(errorOf(found, await answers(await session(bytes), pixels.values as Float32Array, pixels.shape))).toBeLessThan(1e-5);
  });
});
