// A model's requested activations: what they are, how long they live, and that gradients flow through them.
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { patchSizeOf, type Stage } from "../../src-main/contract/families";
import type { Model } from "../../src-main/models/model";
import { createModel } from "../../src-main/models/registry";
import type { ResNet } from "../../src-main/models/resnet";
import type { VisionTransformer } from "../../src-main/models/vit";
import { add } from "../../src-main/tensor/ops/add";
import { averagePool } from "../../src-main/tensor/ops/average-pool";
import { embedTokens } from "../../src-main/tensor/ops/embed-tokens";
import { selectToken } from "../../src-main/tensor/ops/select-token";
import { backward, noGrad, scope, type Tensor, useBackend } from "../../src-main/tensor/tensor";
import { formulaImages, formulaModel } from "../reference/models";

useBackend(loadAddon());

/** A model that computes quickly, with formula weights. */
function small(name: string): Model {
  return formulaModel(name, name.startsWith("vit") ? { imageSize: 16, patchSize: 4 } : { imageSize: 16, patchSize: null });
}

function using<T extends Model, R>(model: T, body: (model: T) => R): R {
  try {
    return scope(() => body(model));
  } finally {
    model.release();
  }
}

const values = (tensor: Tensor) => [...tensor.toFloat32()];
const names = ({ featureStages }: Model) => featureStages.map(({ name }) => name);
const images = (size = 16) => formulaImages("images", 2, size);

/** Of two images. */
function shapeOf(stage: Stage): number[] {
  if (stage.kind === "head") return [2, 10];
  return stage.kind === "map" ? [2, stage.side, stage.side, stage.channels] : [2, stage.prefix + stage.side ** 2, stage.width];
}

describe("the features of", () => {
  it.each([
    "resnet18",
    "resnet20_cifar10",
    "vit_micro_patch4_32",
    "vit_micro_convstem_patch8_32",
    "deit_tiny_distilled_patch16_224",
    "resnet26",
    "tf_efficientnet_lite0",
    "mobilenetv2_100",
    "convnext_tiny",
    "vit_small_patch14_reg4_dinov2",
  ])("%s have the declared shapes, and leave the logits bitwise unchanged", (name) => {
    const patchSize = patchSizeOf(name);
    using(createModel(name, { classes: 10, imageSize: patchSize ? 2 * patchSize : 33 }).eval(), (model) => {
      const x = images(model.imageSize);
      const { logits, features } = noGrad(() => model.forwardFeatures(x, names(model)));
      expect([...features.keys()]).toEqual(names(model));
      for (const stage of model.featureStages) {
        expect(features.get(stage.name)!.shape).toEqual(shapeOf(stage));
      }
      expect(values(logits)).toEqual(values(noGrad(() => model.forward(x))));
    });
  });

  it("a ResNet are its stages' maps after their ReLU: the last gives the logits", () => {
    using(small("resnet18") as ResNet, (model) => {
      model.eval();
      const { logits, features } = noGrad(() => model.forwardFeatures(images(), ["stem", "layer4"]));
      const stem = noGrad(() => model.bn1.after(model.conv1, images(), { activation: "relu" }));
      expect(values(features.get("stem")!)).toEqual(values(stem));
      expect(Math.min(...values(features.get("layer4")!))).toBe(0);
      expect(values(noGrad(() => model.fc.forward(averagePool(features.get("layer4")!), { dtype: "f32" })))).toEqual(values(logits));
    });
  });

  it("a ViT are the residual stream after each block, counted from 1: the last gives the logits", () => {
    using(small("vit_micro_patch4_32") as VisionTransformer, (model) => {
      const { logits, features } = noGrad(() => model.forwardFeatures(images(), names(model)));
      let x = noGrad(() => embedTokens(model.patch_embed.forward(images()), model.cls_token, model.pos_embed));
      for (const [i, block] of model.blocks.slice(0, -1).entries()) {
        x = noGrad(() => block.forward(x, "f32"));
        expect(values(features.get(`block${i + 1}`)!)).toEqual(values(x));
      }
      const last = noGrad(() => model.blocks.at(-1)!.forward(features.get("block5")!, "f32", { queries: 1 }));
      expect(values(noGrad(() => model.head.forward(model.norm.forward(last, "f32"))))).toEqual(values(logits));
    });
  });
});

describe("features", () => {
  it("are only the requested ones, and requesting none costs nothing", () => {
    using(small("resnet20_cifar10"), (model) => {
      const { features } = model.eval().forwardFeatures(images(), ["layer3", "layer1"]);
      expect([...features.keys()].sort()).toEqual(["layer1", "layer3"]);
      expect(model.forwardFeatures(images(), []).features.size).toBe(0);
    });
  });

  it.each([
    [
      "vit_micro_patch4_32",
      "block6",
      'vit_micro_patch4_32 has no stage "block6" whose activations can be requested; expected one of block1, block2, block3, block4, block5',
    ],
    ["resnet20_cifar10", "layer4", 'resnet20_cifar10 has no stage "layer4" whose activations can be requested; expected one of stem, layer1, layer2, layer3'],
  ])("of a stage that %s does not have are refused: %s", (name, stage, message) => {
    using(small(name), (model) => expect(() => model.forwardFeatures(images(), [stage])).toThrow(message));
  });

  it.each(["resnet20_cifar10", "vit_micro_patch4_32"])("of %s pass gradients to the layers before them, and to nothing else", (name) => {
    using(small(name), (model) => {
      const stage = model.featureStages[1]!.name;
      const { features } = model.forwardFeatures(images(), [stage]);
      backward(features.get(stage)!);
      const reached = [...model.parameters()].filter(([, parameter]) => parameter.grad).map(([parameter]) => parameter);
      const before = name.startsWith("vit") ? /^(cls_token|pos_embed|patch_embed|blocks\.[01]\.)/ : /^(conv1|bn1|layer1)/;
      expect(reached).toEqual([...model.parameters().keys()].filter((parameter) => before.test(parameter)));
    });
  });

  it("and logits in one loss give the sum of their gradients", () => {
    using(small("vit_micro_patch4_32") as VisionTransformer, (model) => {
      /** [2,128] before the last layer's width is reduced: of the class token after block 2 and after the last. */
      const outputs = () => {
        const { logits, features } = model.forwardFeatures(images(), ["block2"]);
        return [model.head.forward(selectToken(features.get("block2")!, 0)), logits] as const;
      };
      const gradient = (of: (outputs: readonly [Tensor, Tensor]) => Tensor) =>
        scope(() => {
          backward(of(outputs()));
          return values(model.pos_embed.grad!);
        });
      const [feature, logits, both] = [gradient(([first]) => first), gradient(([, second]) => second), gradient(([first, second]) => add(first, second))];
      const largest = Math.max(...both.map(Math.abs));
      expect(largest).toBeGreaterThan(0);
      for (const [i, sum] of both.entries()) expect(Math.abs(sum - feature[i]! - logits[i]!)).toBeLessThan(1e-5 * largest);
    });
  });
});
