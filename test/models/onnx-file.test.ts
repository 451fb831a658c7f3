// ONNX files that this program exported are weights again; others are refused in words.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { InputError } from "../../src-main/contract/failure";
import { onnxModel } from "../../src-main/export/onnx-model";
import { describeWeights, hashWeights, loadWeights, modelIn } from "../../src-main/models/weights";
import { type ModelProto, modelProto } from "../../src-main/onnx/proto";
import { encode } from "../../src-main/protobuf/codec";
import { useBackend } from "../../src-main/tensor/tensor";
import { classes, errorOf, logitsOf, normalization, trained } from "../export/compared";
import { tinyModel, tinyModels } from "../export/tiny-models";
import { formulaImages } from "../reference/models";

useBackend(loadAddon());
const folder = mkdtempSync(join(tmpdir(), "onnx-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function written(model: ModelProto): string {
  const path = join(folder, `${files++}.onnx`);
  writeFileSync(path, Buffer.concat(encode(modelProto, model)));
  return path;
}

describe.each(tinyModels)("%s", (kind) => {
  test("answers the same after it was exported and read back, whatever its input and output are", () => {
    const model = tinyModel(kind);
    const images = () => formulaImages("images", 2, model.imageSize);
    const expected = logitsOf(model, images);
    for (const options of [{}, { rawInput: true, softmax: true }]) {
      const path = written(onnxModel(trained(model), options));
      const again = tinyModel(kind);
      again.initialize(1);
      loadWeights(again, path);
      expect(errorOf(logitsOf(again, images), expected)).toBeLessThan(1e-6);
      if (again.buffers().size === 0) expect(hashWeights(again)).toBe(hashWeights(model));
      again.release();
    }
  });
});

const model = tinyModel("ViT");

test("it says what it is of", () => {
  const path = written(onnxModel(trained(model)));
  expect(modelIn(path)).toBe("vit_micro_patch4_32");
  const { notes, ...about } = describeWeights(path, "vit_micro_patch4_32");
  expect(about).toMatchObject({ classes, classCount: 10, imageSize: 32, patchSize: 8, ...normalization });
  expect(notes).toEqual([]);
});

test("folded batch norms are said", () => {
  const path = written(onnxModel(trained(tinyModel("ResNet of three stages"))));
  expect(describeWeights(path, "resnet8_cifar10").notes).toEqual([
    `weights ${path}: batch norms are folded into convolutions there; the answers are the same, but for training choose the original`,
  ]);
});

describe("refused in words", () => {
  const refusal = (path: string) => {
    try {
      loadWeights(tinyModel("ViT"), path);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message.replace(path, "x.onnx");
    }
    return null;
  };

  test("weights of 8 bits", () => {
    expect(refusal(written(onnxModel(trained(model), { int8: true })))).toMatch(
      /^weights x.onnx: this ONNX file has weights of 8 bits, from which the network cannot be taken back: name the run/,
    );
  });

  test("another program's", () => {
    expect(refusal(written({ ...onnxModel(trained(model)), producerName: "pytorch" }))).toMatch(
      /^weights x.onnx: the file is an ONNX file of another program, or another protobuf: of ONNX, only what this program exported is read; export/,
    );
  });

  const changed = (change: (model: ModelProto) => void) => {
    const copy = onnxModel(trained(model));
    change(copy);
    return refusal(written(copy));
  };

  test("a changed weight", () => {
    expect(
      changed(({ graph }) => {
        const tensor = graph.initializer.find(({ name }) => name === "head.weight")!;
        tensor.rawData = tensor.rawData.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
      }),
    ).toMatch(/^weights x.onnx are damaged: their content does not have the checksum/);
  });

  test("tensors that are missing, of another size or not turned", () => {
    expect(changed(({ graph }) => (graph.initializer = graph.initializer.filter(({ name }) => name !== "norm.weight")))).toMatch(
      /do not fit vit_micro_patch4_32: tensor "norm.weight": expected \[32\], found none/,
    );
    expect(changed(({ graph }) => (graph.initializer.find(({ name }) => name === "norm.weight")!.dims = [2 ** 40]))).toMatch(
      /the ONNX file is damaged, or another program changed it: tensor "norm.weight" is not the fp32 values of its shape \[1099511627776\]. Export it again/,
    );
    expect(changed(({ metadataProps }) => metadataProps.push({ key: "batchNorms", value: '{"x":1}' }))).toMatch(/it has no tensor "x.bias"/);
    expect(changed(({ metadataProps }) => metadataProps.push({ key: "batchNorms", value: "[" }))).toMatch(/the ONNX file is damaged/);
  });

  test("a file that ends early", () => {
    const bytes = Buffer.concat(encode(modelProto, onnxModel(trained(model))));
    const path = join(folder, "broken.onnx");
    for (let at = 20; at < bytes.length; at += 1 + Math.floor(bytes.length / 97)) {
      writeFileSync(path, bytes.subarray(0, at));
      expect(refusal(path)).not.toBeNull();
    }
  });
});
