import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { modelInfos } from "../../src-main/contract/families";
import type { Model } from "../../src-main/models/model";
import { createModel } from "../../src-main/models/registry";
import { full, noGrad, scope, useBackend } from "../../src-main/tensor/tensor";

useBackend(loadAddon());

function withModel<T>(model: Model, body: (model: Model) => T): T {
  try {
    return scope(() => body(model));
  } finally {
    model.release();
  }
}

const values = (model: Model, name: string) => model.weights().get(name)!.toFloat32();

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

describe("every model", () => {
  it.each(modelInfos)("$name has the declared number of parameters", ({ name, parameters, imageSize, patchSize }) => {
    withModel(createModel(name, { classes: 10, seed: null }), (model) => {
      expect(model.parameterCount()).toBe(parameters);
      expect([model.name, model.classes, model.imageSize, model.sizes]).toEqual([name, 10, imageSize, { imageSize, patchSize }]);
    });
  });

  // Larger ones have their logits compared with timm's, at smaller sizes (golden.test.ts).
  const quick = modelInfos.filter(({ parameters, imageSize }) => parameters < 25e6 && imageSize <= 224);
  it.each(quick)("$name turns images into logits", ({ name, imageSize }) => {
    withModel(createModel(name, { classes: 10 }), (model) => {
      const logits = noGrad(() => model.eval().forward(full([2, imageSize, imageSize, 3], 0.5)));
      expect(logits.shape).toEqual([2, 10]);
      expect(logits.toFloat32().every(Number.isFinite)).toBe(true);
    });
  });

  it("has the published parameter counts", () => {
    const count = (name: string, options: Parameters<typeof createModel>[1]) => withModel(createModel(name, options), (model) => model.parameterCount());
    expect(count("resnet18_cifar10", { classes: 10 })).toBe(11_173_962);
    expect(count("resnet18", { classes: 1000 })).toBe(11_689_512);
    expect(count("resnet34", { classes: 1000 })).toBe(21_797_672);
    expect(count("vit_tiny_patch16_224", { classes: 10 })).toBe(5_526_346);
    expect(count("vit_tiny_patch16_224", { classes: 1000 })).toBe(5_717_416);
    expect(count("vit_tiny_patch16_224", { classes: 10, imageSize: 32, patchSize: 4 })).toBe(5_362_762);
    expect(count("vit_small_patch16_224", { classes: 1000 })).toBe(22_050_664);
  });
});

describe("initial weights", () => {
  it("of a ResNet are timm's: convolutions by fan-out, each block's last norm zero, the head uniform", () => {
    withModel(createModel("resnet18_cifar10", { classes: 10, seed: 1 }), (model) => {
      expect(standardDeviation(values(model, "layer2.0.conv1.weight"))).toBeCloseTo(Math.sqrt(2 / (9 * 128)), 3);
      expect(standardDeviation(values(model, "layer2.0.downsample.0.weight"))).toBeCloseTo(Math.sqrt(2 / 128), 2);
      expect(new Set(values(model, "layer1.1.bn1.weight"))).toEqual(new Set([1]));
      expect(new Set(values(model, "layer1.1.bn2.weight"))).toEqual(new Set([0]));
      expect(new Set(values(model, "layer2.0.downsample.1.weight"))).toEqual(new Set([1]));
      const bound = 1 / Math.sqrt(512);
      for (const name of ["fc.weight", "fc.bias"]) expect(largest(values(model, name))).toBeLessThanOrEqual(bound);
      expect(standardDeviation(values(model, "fc.weight"))).toBeCloseTo(bound / Math.sqrt(3), 3);
    });
  });

  it("of a vision transformer are timm's: linear layers and positions normal 0.02, the class token almost zero, patches uniform", () => {
    withModel(createModel("vit_tiny_patch16_224", { classes: 10, seed: 1 }), (model) => {
      for (const name of ["blocks.3.attn.qkv.weight", "blocks.11.mlp.fc2.weight", "pos_embed", "head.weight"]) {
        expect(standardDeviation(values(model, name))).toBeCloseTo(0.02, 3);
      }
      for (const name of ["blocks.3.attn.qkv.bias", "head.bias", "norm.bias"]) expect(new Set(values(model, name))).toEqual(new Set([0]));
      expect(standardDeviation(values(model, "cls_token"))).toBeCloseTo(1e-6, 6);
      expect(standardDeviation(values(model, "cls_token"))).toBeGreaterThan(5e-7);
      const bound = 1 / Math.sqrt(3 * 16 * 16);
      for (const name of ["patch_embed.proj.weight", "patch_embed.proj.bias"]) {
        expect(largest(values(model, name))).toBeLessThanOrEqual(bound);
        expect(standardDeviation(values(model, name))).toBeCloseTo(bound / Math.sqrt(3), 2);
      }
    });
  });

  it("of bottleneck blocks are timm's: the last of three norms zero", () => {
    withModel(createModel("resnet26", { classes: 10, seed: 1 }), (model) => {
      expect(standardDeviation(values(model, "layer2.0.conv3.weight"))).toBeCloseTo(Math.sqrt(2 / 512), 3);
      expect([2, 3].map((norm) => new Set(values(model, `layer1.1.bn${norm}.weight`)))).toEqual([new Set([1]), new Set([0])]);
      expect(new Set(values(model, "layer1.0.downsample.1.weight"))).toEqual(new Set([1]));
    });
  });

  it("of DINOv2 are timm's: layer scale 1e-5, register tokens almost zero", () => {
    withModel(createModel("vit_small_patch14_reg4_dinov2", { classes: 10, imageSize: 28, seed: 1 }), (model) => {
      for (const name of ["blocks.0.ls1.gamma", "blocks.11.ls2.gamma"]) expect(new Set(values(model, name))).toEqual(new Set([Math.fround(1e-5)]));
      expect(standardDeviation(values(model, "reg_token"))).toBeCloseTo(1e-6, 7);
      expect(model.weights().get("pos_embed")!.shape).toEqual([1, 4, 384]);
    });
  });

  it("of mobile networks are timm's: convolutions by fan-out, of depthwise ones by kernel alone, the head by the number of classes", () => {
    withModel(createModel("tf_efficientnet_lite0", { classes: 10, seed: 1 }), (model) => {
      expect(standardDeviation(values(model, "blocks.3.1.conv_pwl.weight"))).toBeCloseTo(Math.sqrt(2 / 80), 2);
      expect(standardDeviation(values(model, "blocks.5.1.conv_dw.weight"))).toBeCloseTo(Math.sqrt(2 / 25), 2);
      expect(new Set(values(model, "blocks.5.1.bn3.weight"))).toEqual(new Set([1]));
      expect(largest(values(model, "classifier.weight"))).toBeLessThanOrEqual(1 / Math.sqrt(10));
      expect(standardDeviation(values(model, "classifier.weight"))).toBeCloseTo(1 / Math.sqrt(30), 2);
      expect(new Set(values(model, "classifier.bias"))).toEqual(new Set([0]));
    });
  });

  it("of a ConvNeXt are timm's: normal 0.02, biases zero, layer scale 1e-6", () => {
    withModel(createModel("convnext_tiny", { classes: 10, imageSize: 32, seed: 1 }), (model) => {
      for (const name of [
        "stem.0.weight",
        "stages.2.blocks.3.conv_dw.weight",
        "stages.3.downsample.1.weight",
        "stages.1.blocks.0.mlp.fc1.weight",
        "head.fc.weight",
      ])
        expect(standardDeviation(values(model, name))).toBeCloseTo(0.02, 3);
      for (const name of ["stem.0.bias", "stages.2.blocks.3.conv_dw.bias", "stages.3.downsample.1.bias", "head.fc.bias"])
        expect(new Set(values(model, name))).toEqual(new Set([0]));
      expect(new Set(values(model, "stages.2.blocks.3.gamma"))).toEqual(new Set([Math.fround(1e-6)]));
    });
  });

  it("depend on the seed", () => {
    const head = (seed: number) => withModel(createModel("vit_micro_patch4_32", { classes: 10, seed }), (model) => Array.from(values(model, "head.weight")));
    expect(head(3)).toEqual(head(3));
    expect(head(3)).not.toEqual(head(4));
  });
});

describe("a wrong choice", () => {
  it.each([
    ["resnet18_cifar", { classes: 10 }, /unknown model "resnet18_cifar" \(did you mean resnet18_cifar10\?\); expected one of resnet18, .*vit_micro_patch4_32/],
    ["resnet18", { classes: 1 }, "resnet18: expected classes to be a whole number of at least 2, got 1"],
    ["resnet18", { classes: 10, patchSize: 4 }, "resnet18: patchSize 4 was given, but this model has no patches; omit it"],
    ["vit_tiny_patch16_224", { classes: 10, imageSize: 100 }, "vit_tiny_patch16_224: imageSize: expected a multiple of the patch size 16, got 100"],
    [
      "vit_micro_convstem_patch8_32",
      { classes: 10, imageSize: 24, patchSize: 6 },
      "vit_micro_convstem_patch8_32: patchSize: expected 2, 4, 8 and so on, as each layer of a convolutional stem halves the image's side, got 6",
    ],
    ["vit_tiny_convstem_patch16_224", { classes: 10, imageSize: 256, patchSize: 256 }, "patchSize: expected 2, 4, 8 and so on"],
    ["convnext_tiny", { classes: 10, imageSize: 31 }, "convnext_tiny: imageSize: expected at least 32 for convnext_tiny, got 31"],
    ["vit_tiny_patch16_224", { classes: 10, imageSize: 32.5 }, "vit_tiny_patch16_224: expected imageSize to be a whole number of at least 1, got 32.5"],
  ])("%s %o is a clear error", (name, options, message) => {
    expect(() => createModel(name, options)).toThrow(message);
  });
});
