// ONNX models answer in onnxruntime as the network does here.
import { describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { softmax } from "../../src-main/contract/softmax";
import { onnxModel } from "../../src-main/export/onnx-model";
import { useBackend } from "../../src-main/tensor/tensor";
import { formulaImages } from "../reference/models";
import { channelsFirst, errorOf, logitsOf, logitsOfImage, someImage, trained } from "./compared";
import { answers, session } from "./onnxruntime";
import { tinyModel, tinyModels } from "./tiny-models";

useBackend(loadAddon());

test.each(tinyModels)("%s answers the same to one image and to seven at once", async (kind) => {
  const model = tinyModel(kind);
  const Z = model.imageSize;
  const images = formulaImages("images", 7, Z);
  const expected = logitsOf(model, () => images);
  const pixels = channelsFirst(images.toFloat32(), 7);
  const network = await session(onnxModel(trained(model)));
  expect(errorOf(await answers(network, pixels, [7, 3, Z, Z]), expected)).toBeLessThan(1e-5);
  expect(errorOf(await answers(network, pixels.subarray(0, 3 * Z * Z), [1, 3, Z, Z]), expected.subarray(0, 10))).toBeLessThan(1e-5);
});

describe("raw input", () => {
  test.each([
    [32, 32],
    [33, 47],
    [101, 35],
    [7, 7],
    [13, 20],
    [64, 48],
    [129, 301],
    [1, 90],
  ])("of %i x %i pixels is resized, cropped and normalised inside", async (H, W) => {
    const model = tinyModel("ViT");
    const network = await session(onnxModel(trained(model), { rawInput: true }));
    const data = someImage(H, W);
    const expected = await logitsOfImage(model, data, H, W);
    expect(errorOf(await answers(network, data, [1, H, W, 3]), expected)).toBeLessThan(1e-5);
    const twice = new Uint8Array([data, data].flatMap((each) => [...each]));
    expect(errorOf(await answers(network, twice, [2, H, W, 3]), Float32Array.of(...expected, ...expected))).toBeLessThan(1e-5);
  });
});

test("probabilities instead of logits", async () => {
  const model = tinyModel("ResNet of three stages");
  const images = formulaImages("images", 1, 32);
  const network = await session(onnxModel(trained(model), { softmax: true }));
  expect(network.outputNames).toEqual(["probabilities"]);
  const found = await answers(network, channelsFirst(images.toFloat32(), 1), [1, 3, 32, 32]);
  expect(errorOf(found, Float32Array.from(softmax([...logitsOf(model, () => images)])))).toBeLessThan(1e-5);
});

test("weights of 8 bits answer nearly the same, in a quarter of the bytes of the linear layers", async () => {
  const model = tinyModel("ViT");
  const images = formulaImages("images", 7, 32);
  const [whole, bytes] = [onnxModel(trained(model)), onnxModel(trained(model), { int8: true })];
  const error = errorOf(
    await answers(await session(bytes), channelsFirst(images.toFloat32(), 7), [7, 3, 32, 32]),
    logitsOf(model, () => images),
  );
  expect(error).toBeGreaterThan(1e-5);
  expect(error).toBeLessThan(0.05);
  const sizeOf = ({ graph }: typeof whole) => graph.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  expect(sizeOf(bytes)).toBeLessThan(sizeOf(whole) / 2);
});
