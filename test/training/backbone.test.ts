import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { modelsFitting } from "../../src-main/models/fitting-models";
import { createModel } from "../../src-main/models/registry";
import { writeSafetensors } from "../../src-main/models/safetensors";
import { hashWeights, saveWeights } from "../../src-main/models/weights";
import { fromArray, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";
import { loadBackbone, modelOf, withHead } from "../../src-main/training/backbone";
import { logitsOf } from "../../src-main/training/head-fit";

let folder: string;
beforeAll(() => {
  useBackend(loadAddon());
  folder = mkdtempSync(join(tmpdir(), "backbone-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const NOTES = { classes: ["a", "b", "c"], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

/** An untrained model's file, and its logits of two images. */
function saved(name: string, imageSize: number, patchSize: number | null) {
  const model = createModel(name, { classes: 3, imageSize, patchSize, seed: 3 }).eval();
  const path = join(folder, `${name}.safetensors`);
  saveWeights(model, path, NOTES);
  const images = Float32Array.from({ length: 2 * imageSize * imageSize * 3 }, (_, i) => Math.sin(i));
  const answers = (of: typeof model) => scope(() => noGrad(() => of.forward(fromArray(images, [2, imageSize, imageSize, 3])).toFloat32()));
  const heads = ["fc", "head", "head_dist"].flatMap((head) => {
    const weight = model.weights().get(`${head}.weight`);
    return weight ? [{ weight: weight.toFloat32(), bias: model.weights().get(`${head}.bias`)!.toFloat32() }] : [];
  });
  const logits = answers(model);
  const hash = hashWeights(model);
  model.release();
  return { path, answers, logits, heads, hash };
}

describe.each<[name: string, imageSize: number, patchSize: number | null]>([
  ["resnet20_cifar10", 16, null],
  ["vit_micro_patch4_32", 16, 4],
  ["deit_tiny_distilled_patch16_224", 32, 16],
])("the backbone of %s", (name, imageSize, patchSize) => {
  test("gives the input of its head, and with a head its logits", () => {
    const { path, answers, logits, heads, hash } = saved(name, imageSize, patchSize);
    const backbone = loadBackbone({ model: name, weights: path });
    const features = answers(backbone.model);
    const [D, K] = [backbone.width, NOTES.classes.length];
    expect(features).toHaveLength(2 * D);
    // The mean of the heads as one on all features.
    const each = D / heads.length;
    const weight = Float32Array.from({ length: K * D }, (_, at) => {
      const [k, d] = [Math.floor(at / D), at % D];
      return heads[Math.floor(d / each)]!.weight[k * each + (d % each)]! / heads.length;
    });
    const bias = Float32Array.from({ length: K }, (_, k) => heads.reduce((sum, head) => sum + head.bias[k]!, 0) / heads.length);
    const own = logitsOf({ weight, bias }, { values: features, labels: new Int32Array(2), width: D });
    for (const [i, logit] of logits.entries()) expect(own[i]).toBeCloseTo(logit, 5);

    const model = withHead(backbone, { weight, bias });
    for (const [i, logit] of answers(model).entries()) expect(logit).toBeCloseTo(logits[i]!, 5);
    // Of one head, the file is what it was.
    if (heads.length === 1) expect(hashWeights(model)).toBe(hash);
    model.release();
    backbone.model.release();
  });
});

describe("which model a file is of", () => {
  test("is what its metadata says", () => {
    const { path } = saved("resnet8_cifar10", 16, null);
    expect(modelOf(path, path)).toEqual({ model: "resnet8_cifar10", note: null });
  });
  test.each([
    ["hf:timm/resnet18.a1_in1k", "resnet18"],
    ["/w/resnet18-f37072fd.pth", "resnet18"],
    ["hf:timm/vit_tiny_patch16_224@main/model.safetensors", "vit_tiny_patch16_224"],
  ])("or the name %s, which is said", (asked, model) => {
    expect(modelOf(nameless(), asked)).toEqual({ model, note: expect.stringContaining(`taken for those of a ${model}`) });
  });
  test("or what the shapes of its tensors allow alone, which is said", () => {
    const { path } = saved("resnet8_cifar10", 16, null);
    const silent = join(folder, "silent.safetensors");
    copyFileSync(path, silent);
    withoutMetadata(silent);
    expect(modelsFitting(silent)).toEqual(["resnet8_cifar10"]);
    expect(modelOf(silent, silent)).toEqual({
      model: "resnet8_cifar10",
      note: `the weights ${silent} are taken for those of a resnet8_cifar10, which alone has their shapes`,
    });
  });
  test("or has to be named, of those that fit, or of all", () => {
    const { path } = saved("vit_tiny_patch16_224", 32, null);
    withoutMetadata(path);
    expect(() => modelOf(path, "student.pth")).toThrow(/several have their shapes: name it with --model, one of vit_tiny_patch16_224, deit_tiny_patch16_224$/);
    expect(() => modelOf(nameless(), "weights.pth")).toThrow(
      /weights\.pth do not say which model they are of, and have the shapes of none: name it with --model, one of resnet18,/,
    );
  });
});

/** Takes a file's metadata out. */
function withoutMetadata(path: string): void {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(bytes.subarray(8, end).toString());
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 8), Buffer.from(JSON.stringify(tensors).padEnd(end - 8)), bytes.subarray(end)]));
}

/** A file of ours without its metadata. */
function nameless(): string {
  const path = join(folder, "nameless.safetensors");
  const tensor = { shape: [1], size: 1, toFloat32: () => new Float32Array(1) };
  writeSafetensors(path, new Map([["fc.weight", tensor]]));
  return path;
}
