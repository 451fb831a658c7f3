/** A model of every kind of the registry with few and narrow layers, weights by formula, and 10 classes. */
import { ConvNeXt } from "../../src-main/models/convnext";
import { DistilledVisionTransformer } from "../../src-main/models/deit";
import { RegisterVisionTransformer } from "../../src-main/models/dinov2";
import { EfficientNet } from "../../src-main/models/efficientnet";
import type { Model, ModelShape } from "../../src-main/models/model";
import { ResNet } from "../../src-main/models/resnet";
import { VisionTransformer } from "../../src-main/models/vit";
import { backend } from "../../src-main/tensor/tensor";
import { weight } from "../reference/formula";

const shape = (imageSize: number, patchSize: number | null = null): ModelShape => ({ classes: 10, imageSize, patchSize });
const transformer = { width: 32, depth: 2, heads: 4, stem: "patch" } as const;
const resnet = { depths: [1, 1, 2, 1], channels: [8, 16, 24, 32] } as const;
const mobile = (padding: "same" | "half") => ({
  padding,
  eps: padding === "same" ? 1e-3 : 1e-5,
  stem: 8,
  head: 40,
  stages: [
    { depth: 1, expansion: 1, channels: 8, kernel: 3, stride: 1 },
    { depth: 2, expansion: 6, channels: 12, kernel: 3, stride: 2 },
    { depth: 2, expansion: 6, channels: 16, kernel: 5, stride: 2 },
  ] as const,
});

const kinds: Readonly<Record<string, () => Model>> = {
  ViT: () => new VisionTransformer("vit_micro_patch4_32", shape(32, 8), transformer),
  "ViT with a convolutional stem": () => new VisionTransformer("vit_micro_convstem_patch8_32", shape(32, 8), { ...transformer, stem: "conv" }),
  "DeiT with a distillation token": () => new DistilledVisionTransformer("deit_tiny_distilled_patch16_224", shape(32, 8), transformer),
  "DINOv2 with layer scale": () => new VisionTransformer("vit_small_patch14_dinov2", shape(28, 14), { ...transformer, layerScale: 1 }),
  "DINOv2 with registers": () => new RegisterVisionTransformer("vit_small_patch14_reg4_dinov2", shape(28, 14), { ...transformer, layerScale: 1, registers: 4 }),
  "ResNet of basic blocks for small images": () => new ResNet("resnet18_cifar10", shape(32), { stem: "cifar", block: "basic", ...resnet }),
  "ResNet of three stages": () => new ResNet("resnet8_cifar10", shape(32), { stem: "cifar", block: "basic", depths: [1, 1, 1], channels: [8, 16, 24] }),
  "ResNet of bottlenecks": () => new ResNet("resnet26", shape(45), { stem: "imagenet", block: "bottleneck", ...resnet }),
  MobileNetV2: () => new EfficientNet("mobilenetv2_100", shape(33), mobile("half")),
  "EfficientNet-Lite with TensorFlow's padding, an even side": () => new EfficientNet("tf_efficientnet_lite0", shape(32), mobile("same")),
  "EfficientNet-Lite with TensorFlow's padding, an odd side": () => new EfficientNet("tf_efficientnet_lite0", shape(37), mobile("same")),
  ConvNeXt: () => new ConvNeXt("convnext_tiny", shape(64), { depths: [1, 2, 1, 1], channels: [8, 16, 24, 32] }),
};

export const tinyModels = Object.keys(kinds);

/** In evaluation mode. */
export function tinyModel(kind: string): Model {
  const model = kinds[kind]!();
  for (const [name, { handle, shape }] of model.weights()) backend().write(handle, weight(name, shape));
  return model.eval().requiresGrad(false);
}
