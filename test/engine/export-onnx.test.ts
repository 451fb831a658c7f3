// A run leaves as ONNX, checked, and comes back.
import { existsSync, readFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import type { ExportOptions, ExportResult } from "../../src-main/contract/exports";
import { InputError } from "../../src-main/contract/failure";
import * as datasets from "../../src-main/data/open-dataset";
import { exportModel } from "../../src-main/engine/export";
import { predict } from "../../src-main/engine/predict";
import { ResidentNetworks } from "../../src-main/engine/resident-networks";
import * as models from "../../src-main/export/onnx-model";
import { modelProto } from "../../src-main/onnx/proto";
import { decode } from "../../src-main/protobuf/codec";
import { useBackend } from "../../src-main/tensor/tensor";
import { errorOf, someImage } from "../export/compared";
import { answers, session } from "../export/onnxruntime";
import { CIFAR10_CLASSES, experimentFolder, smallRecipe, trainInto } from "./experiment";

let folder: ReturnType<typeof experimentFolder>;
beforeAll(async () => {
  useBackend(loadAddon());
  folder = experimentFolder();
  const recipe = smallRecipe(folder.teacher, { epochs: 1 });
  await trainInto(folder.path("resnet"), recipe);
  await trainInto(folder.path("vit"), { ...recipe, student: { ...recipe.student, model: "vit_micro_patch4_32", patchSize: 4 } });
});
afterAll(() => folder.remove());

const said: string[] = [];
let written = 0;
let result: ExportResult;
async function exported(run: string, options: ExportOptions = {}): Promise<string> {
  const out = folder.path(`${++written}.onnx`);
  said.length = 0;
  const notify = (notice: object) => void ("text" in notice && said.push(String(notice.text)));
  result = await exportModel({ source: { run: folder.path(run), weightsOf: "last" }, format: "onnx", options, out }, async () => {}, notify);
  return out;
}
const protoOf = (path: string) => decode(modelProto, readFileSync(path));

/** To a picture of 21 x 30 pixels, as `distill predict` answers. */
async function predicted(model: string, weights: string): Promise<Float32Array> {
  const png = await sharp(someImage(21, 30), { raw: { height: 21, width: 30, channels: 3 } })
    .png()
    .toBuffer();
  const images = [{ path: "picture.png", bytes: new Uint8Array(png) }];
  const networks = new ResidentNetworks();
  const result = await predict({ model, weights, images }, networks, () => {});
  networks.release();
  return Float32Array.from(result.images[0]!.logits);
}

test.each([
  ["resnet", "resnet20_cifar10"],
  ["vit", "vit_micro_patch4_32"],
])("the student of %s answers in onnxruntime as here, given the picture itself, and its file is weights again", async (run, model) => {
  const path = await exported(run, { rawInput: true });
  expect(said).toContainEqual(expect.stringMatching(/^the file's answers to images of noise differ from the network's by \de-\d+ of the largest at most$/));
  const expected = await predicted(model, folder.path(run, "student", "student.safetensors"));
  expect(errorOf(await answers(await session(protoOf(path)), someImage(21, 30), [1, 21, 30, 3]), expected)).toBeLessThan(1e-5);
  expect(errorOf(await predicted(model, path), expected)).toBeLessThan(1e-6);
});

test("classes and normalisation are in the metadata", async () => {
  const { metadataProps, opsetImport } = protoOf(await exported("vit", { softmax: true }));
  const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
  expect(metadata).toMatchObject({ model: "vit_micro_patch4_32", imageSize: "8", patchSize: "4", classes: JSON.stringify(CIFAR10_CLASSES), precision: "fp32" });
  expect(JSON.parse(metadata.mean!)).toHaveLength(3);
  expect(opsetImport).toEqual([{ domain: "", version: 17 }]);
});

test("what weights of 8 bits cost is measured on the test images", async () => {
  const path = await exported("vit", { int8: true });
  expect(said).toContainEqual(
    expect.stringMatching(/^with weights of 8 bits, \d+\.0 % of the 10 test images are right, and \d+\.0 % in fp32; \d+\.0 % of the answers are the same$/),
  );
  const [, percent] = /^with weights of 8 bits, (\d+\.0) %/.exec(said.find((text) => text.startsWith("with"))!)!;
  expect(result.testAccuracy).toBe(Number(percent) / 100);
  await expect(predicted("vit_micro_patch4_32", path)).rejects.toThrow(/has weights of 8 bits, from which the network cannot be taken back/);
});

test("without the run's test images, weights of 8 bits have no accuracy: the run's own is that of fp32", async () => {
  await exported("vit");
  expect(result.testAccuracy).toEqual(expect.any(Number));
  const spy = vi.spyOn(datasets, "openTestData").mockRejectedValue(new InputError("they are gone"));
  await exported("vit", { int8: true });
  spy.mockRestore();
  expect(result.testAccuracy).toBeNull();
  expect(said).toContain("what weights of 8 bits cost in accuracy was not measured: the run's test images cannot be read (they are gone)");
});

test("weights of 8 bits are for vision transformers", async () => {
  await expect(exported("resnet", { int8: true })).rejects.toThrow(/int8 is for vision transformers, and resnet20_cifar10 is none/);
  expect(existsSync(folder.path(`${written}.onnx`))).toBe(false);
});

test("a graph that answers otherwise is not written", async () => {
  const whole = models.onnxModel;
  const spy = vi.spyOn(models, "onnxModel").mockImplementation((...args) => {
    const model = whole(...args);
    const bias = model.graph.initializer.find(({ name }) => name === "fc.bias")!;
    bias.rawData = bias.rawData.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
    return model;
  });
  await expect(exported("resnet")).rejects.toThrow(/the ONNX graph answers otherwise than the network/);
  expect(existsSync(folder.path(`${written}.onnx`))).toBe(false);
  spy.mockRestore();
});
