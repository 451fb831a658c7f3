/**
 * The model families as plain data: what every process, the page included, knows about a model without building it. models/<family>.ts
 * holds a family's code; models/registry.ts lists it under the same name.
 */
import { UsageError } from "./failure";
import { nearest } from "./nearest";
import { CIFAR10_NORMALIZATION, IMAGENET_NORMALIZATION, type Normalization, SYMMETRIC_NORMALIZATION } from "./normalization";

/** In pixels. */
export interface ModelSizes {
  /** Side of the input, Z. */
  imageSize: number;
  /** Side of a patch; null for models without patches. */
  patchSize: number | null;
}

/** A place in a model whose activations can be requested. */
export type Stage = GridStage | HeadStage;

/** A place with activations for every place of a grid of side x side. */
export type GridStage =
  /** A map [N,S,S,C] with S = side and C = channels. */
  | { name: string; kind: "map"; side: number; channels: number }
  /** Tokens [N,T,D] with T = prefix + side * side and D = width: prefix tokens such as the class token, then the patches in row-major order. */
  | { name: string; kind: "tokens"; side: number; prefix: number; width: number };

/** The logits [N,K] of one head of a model that has two: `head` of the class token, `head_dist` of the distillation token. */
export interface HeadStage {
  name: string;
  kind: "head";
}

/** A family whose models differ only in their `Architecture`. */
export interface Family<Architecture = unknown> {
  /** In lists of models. */
  label: string;
  /** Who published it, and where. */
  paper: string;
  /** Used with weights that do not record how their images were normalised, unless the model has its own. */
  normalization: Normalization;
  models: readonly ModelData<Architecture>[];
  /** In the order of the forward pass. */
  stages(architecture: Architecture, sizes: ModelSizes): Stage[];
  /** Side of the smallest image that reaches the last layer, in pixels; left out: 1. */
  smallestImage?: number;
  /** What is wrong with a patch's side, in words; null if it fits. Left out where every side fits that divides the image's. */
  patchProblem?(architecture: Architecture, patchSize: number): string | null;
}

interface ModelData<Architecture> extends ModelSizes {
  /** timm's, where timm has the model. */
  name: string;
  /** A few words. */
  description: string;
  /** Number of trained values, with 10 classes at the model's own sizes. */
  parameters: number;
  /** Default: the family's. */
  normalization?: Normalization;
  architecture: Architecture;
}

function sizes(imageSize: number, patchSize: number | null = null): ModelSizes {
  return { imageSize, patchSize };
}

// ---- Residual networks ------------------------------------------------------------------------------------------------------------

export interface ResNetArchitecture {
  /** imagenet: 7x7 convolution with stride 2, then max-pool; cifar: 3x3 with stride 1, for images of about 32 px. */
  stem: "imagenet" | "cifar";
  /** basic: two 3x3 convolutions; bottleneck: a 3x3 convolution between two of 1x1, with four times as many channels outside. */
  block: keyof typeof BLOCK_EXPANSION;
  /** Blocks in each of the three or four stages, and the channels of their 3x3 convolutions; the stem has the first's. */
  depths: readonly number[];
  channels: readonly number[];
}

/** Channels that a block puts out, for each of its 3x3 convolution. */
export const BLOCK_EXPANSION = { basic: 1, bottleneck: 4 } as const;

const wide = { channels: [64, 128, 256, 512] };
const depth18 = { block: "basic", depths: [2, 2, 2, 2], ...wide } as const;
const depth34 = { block: "basic", depths: [3, 4, 6, 3], ...wide } as const;
const bottlenecks = (depths: readonly number[]) => ({ stem: "imagenet", block: "bottleneck", depths, ...wide }) as const;
/** Three stages, as He et al. 2015 use them for CIFAR-10. */
const narrow = { block: "basic", channels: [16, 32, 64] } as const;

const resnet: Family<ResNetArchitecture> = {
  label: "ResNet",
  paper: "He et al. 2015, Deep Residual Learning for Image Recognition",
  normalization: CIFAR10_NORMALIZATION,
  models: [
    { name: "resnet18", description: "ResNet-18 for photographs", ...sizes(224), parameters: 11_181_642, architecture: { stem: "imagenet", ...depth18 } },
    { name: "resnet34", description: "ResNet-34 for photographs", ...sizes(224), parameters: 21_289_802, architecture: { stem: "imagenet", ...depth34 } },
    {
      name: "resnet26",
      description: "ResNet-26 for photographs: bottleneck blocks",
      ...sizes(224),
      parameters: 13_966_666,
      normalization: IMAGENET_NORMALIZATION,
      architecture: bottlenecks([2, 2, 2, 2]),
    },
    {
      name: "resnet50",
      description: "ResNet-50 for photographs",
      ...sizes(224),
      parameters: 23_528_522,
      normalization: IMAGENET_NORMALIZATION,
      architecture: bottlenecks([3, 4, 6, 3]),
    },
    {
      name: "resnet101",
      description: "ResNet-101 for photographs",
      ...sizes(224),
      parameters: 42_520_650,
      normalization: IMAGENET_NORMALIZATION,
      architecture: bottlenecks([3, 4, 23, 3]),
    },
    { name: "resnet18_cifar10", description: "ResNet-18 for small images", ...sizes(32), parameters: 11_173_962, architecture: { stem: "cifar", ...depth18 } },
    { name: "resnet34_cifar10", description: "ResNet-34 for small images", ...sizes(32), parameters: 21_282_122, architecture: { stem: "cifar", ...depth34 } },
    {
      name: "resnet8_cifar10",
      description: "ResNet-8 for small images: the smallest student",
      ...sizes(32),
      parameters: 78_042,
      architecture: { stem: "cifar", depths: [1, 1, 1], ...narrow },
    },
    {
      name: "resnet14_cifar10",
      description: "ResNet-14 for small images: a small student",
      ...sizes(32),
      parameters: 175_258,
      architecture: { stem: "cifar", depths: [2, 2, 2], ...narrow },
    },
    {
      name: "resnet20_cifar10",
      description: "ResNet-20 for small images: a quick teacher",
      ...sizes(32),
      parameters: 272_474,
      architecture: { stem: "cifar", depths: [3, 3, 3], ...narrow },
    },
  ],
  /** Each after its ReLU; the stem before max-pool, as timm's `act1`. */
  stages({ stem, block, channels }, { imageSize }) {
    const strides = stem === "imagenet" ? [2, 4, 8, 16, 32] : [1, 1, 2, 4, 8];
    return [channels[0]!, ...channels.map((inside) => inside * BLOCK_EXPANSION[block])].map((channels, i) => ({
      name: i === 0 ? "stem" : `layer${i}`,
      kind: "map",
      side: Math.ceil(imageSize / strides[i]!),
      channels,
    }));
  },
};

// ---- Vision transformers ----------------------------------------------------------------------------------------------------------

export interface VisionTransformerArchitecture {
  /** D */
  width: number;
  /** Number of blocks. */
  depth: number;
  /** A */
  heads: number;
  /**
   * How an image becomes tokens. patch: each patch alone, by one linear layer. conv: by a 3x3 convolution of stride 2 for each halving of the patch's
   * side (Xiao et al. 2021, "Early Convolutions Help Transformers See Better").
   */
  stem: "patch" | "conv";
  /** Initial value of layer scale: factors, one for each channel, of what each half of a block adds (Touvron et al. 2021). Left out: none. */
  layerScale?: number;
}

const tiny = { width: 192, depth: 12, heads: 3 };
const small = { width: 384, depth: 12, heads: 6 };
const base = { width: 768, depth: 12, heads: 12 };
const micro = { width: 128, depth: 6, heads: 4 };

const vit: Family<VisionTransformerArchitecture> = {
  label: "ViT",
  paper: "Dosovitskiy et al. 2020, An Image is Worth 16x16 Words; with a convolutional stem Xiao et al. 2021, Early Convolutions Help Transformers See Better",
  normalization: CIFAR10_NORMALIZATION,
  models: [
    { name: "vit_tiny_patch16_224", description: "ViT-Tiny", ...sizes(224, 16), parameters: 5_526_346, architecture: { stem: "patch", ...tiny } },
    { name: "vit_small_patch16_224", description: "ViT-Small", ...sizes(224, 16), parameters: 21_669_514, architecture: { stem: "patch", ...small } },
    {
      name: "vit_base_patch16_224",
      description: "ViT-Base",
      ...sizes(224, 16),
      parameters: 85_806_346,
      normalization: SYMMETRIC_NORMALIZATION,
      architecture: { stem: "patch", ...base },
    },
    {
      name: "vit_micro_patch4_32",
      description: "A small ViT for small images: a quick student",
      ...sizes(32, 4),
      parameters: 1_205_898,
      architecture: { stem: "patch", ...micro },
    },
    {
      name: "vit_tiny_convstem_patch16_224",
      description: "ViT-Tiny with a convolutional stem",
      ...sizes(224, 16),
      parameters: 5_634_850,
      architecture: { stem: "conv", ...tiny },
    },
    {
      name: "vit_small_convstem_patch16_224",
      description: "ViT-Small with a convolutional stem",
      ...sizes(224, 16),
      parameters: 22_395_706,
      architecture: { stem: "conv", ...small },
    },
    {
      name: "vit_micro_convstem_patch8_32",
      description: "A small ViT with a convolutional stem: a quick student that learns more from few images",
      ...sizes(32, 8),
      parameters: 1_303_466,
      architecture: { stem: "conv", ...micro },
    },
  ],
  stages: (architecture, sizes) => blockStages(architecture, sizes, 1),
  patchProblem({ stem, width }, patchSize) {
    const layers = Math.log2(patchSize);
    const fits = Number.isInteger(layers) && layers >= 1 && width % 2 ** (layers - 1) === 0;
    return stem === "patch" || fits ? null : `expected 2, 4, 8 and so on, as each layer of a convolutional stem halves the image's side, got ${patchSize}`;
  },
};

/** Vision transformers that were trained on ImageNet alone, without a distillation token (Touvron et al. 2021). */
const deit: Family<VisionTransformerArchitecture> = {
  label: "DeiT",
  paper: "Touvron et al. 2021, Training data-efficient image transformers & distillation through attention",
  normalization: IMAGENET_NORMALIZATION,
  models: [
    { name: "deit_tiny_patch16_224", description: "DeiT-Tiny", ...sizes(224, 16), parameters: 5_526_346, architecture: { stem: "patch", ...tiny } },
    { name: "deit_small_patch16_224", description: "DeiT-Small", ...sizes(224, 16), parameters: 21_669_514, architecture: { stem: "patch", ...small } },
    { name: "deit_base_patch16_224", description: "DeiT-Base", ...sizes(224, 16), parameters: 85_806_346, architecture: { stem: "patch", ...base } },
  ],
  stages: (architecture, sizes) => blockStages(architecture, sizes, 1),
};

/** Vision transformers with a distillation token beside the class token (Touvron et al. 2021). */
const deitDistilled: Family<VisionTransformerArchitecture> = {
  label: "DeiT, distilled",
  paper: "as DeiT: a second token learns from a teacher, and the logits are the mean of two heads'",
  normalization: IMAGENET_NORMALIZATION,
  models: [
    {
      name: "deit_tiny_distilled_patch16_224",
      description: "DeiT-Tiny with a distillation token",
      ...sizes(224, 16),
      parameters: 5_528_660,
      architecture: { stem: "patch", ...tiny },
    },
    {
      name: "deit_small_distilled_patch16_224",
      description: "DeiT-Small with a distillation token",
      ...sizes(224, 16),
      parameters: 21_674_132,
      architecture: { stem: "patch", ...small },
    },
    {
      name: "deit_base_distilled_patch16_224",
      description: "DeiT-Base with a distillation token",
      ...sizes(224, 16),
      parameters: 85_815_572,
      architecture: { stem: "patch", ...base },
    },
  ],
  stages: (architecture, sizes) => [...blockStages(architecture, sizes, 2), { name: "head", kind: "head" }, { name: "head_dist", kind: "head" }],
};

export interface Dinov2Architecture extends VisionTransformerArchitecture {
  /** Number of register tokens between the class token and the patches (Darcet et al. 2023). With registers, patches alone have positions. */
  registers: number;
}

/** Vision transformers with layer scale, as DINOv2 trains them without labels (Oquab et al. 2023). */
const dinov2: Family<Dinov2Architecture> = {
  label: "DINOv2",
  paper: "Oquab et al. 2023, DINOv2: Learning Robust Visual Features without Supervision; registers: Darcet et al. 2023, Vision Transformers Need Registers",
  normalization: IMAGENET_NORMALIZATION,
  models: [
    {
      name: "vit_small_patch14_dinov2",
      description: "ViT-Small of DINOv2",
      ...sizes(518, 14),
      parameters: 22_060_042,
      architecture: { stem: "patch", ...small, layerScale: 1e-5, registers: 0 },
    },
    {
      name: "vit_small_patch14_reg4_dinov2",
      description: "ViT-Small of DINOv2 with four register tokens",
      ...sizes(518, 14),
      parameters: 22_061_194,
      architecture: { stem: "patch", ...small, layerScale: 1e-5, registers: 4 },
    },
  ],
  stages: ({ registers, ...architecture }, sizes) => blockStages(architecture, sizes, 1 + registers),
};

/** The residual stream after each block except the last, which computes only the prefix tokens. */
function blockStages({ width, depth }: VisionTransformerArchitecture, { imageSize, patchSize }: ModelSizes, prefix: number): GridStage[] {
  const side = imageSize / patchSize!;
  return Array.from({ length: depth - 1 }, (_, i) => ({ name: `block${i + 1}`, kind: "tokens", side, prefix, width }));
}

// ---- Mobile networks --------------------------------------------------------------------------------------------------------------

export interface EfficientNetArchitecture {
  /** same: TensorFlow's padding, by which images of an even side are padded more on the right and below; half: as much on all sides. */
  padding: "same" | "half";
  /** Of every batch norm. */
  eps: number;
  /** Channels of the first convolution, which halves the side, and of the last. */
  stem: number;
  head: number;
  stages: readonly EfficientNetStage[];
}

export interface EfficientNetStage {
  /** Number of blocks. */
  depth: number;
  /** How many times wider a block is inside; 1: its depthwise convolution comes first, without an expanding layer. */
  expansion: number;
  /** Channels that it puts out. */
  channels: number;
  kernel: 3 | 5;
  /** Of its first block. */
  stride: 1 | 2;
}

const inverted = (depth: number, channels: number, kernel: 3 | 5, stride: 1 | 2): EfficientNetStage => ({ depth, expansion: 6, channels, kernel, stride });
const separable = (channels: number): EfficientNetStage => ({ depth: 1, expansion: 1, channels, kernel: 3, stride: 1 });

const lite0 = {
  stem: 32,
  head: 1280,
  stages: [
    separable(16),
    inverted(2, 24, 3, 2),
    inverted(2, 40, 5, 2),
    inverted(3, 80, 3, 2),
    inverted(3, 112, 5, 1),
    inverted(4, 192, 5, 2),
    inverted(1, 320, 3, 1),
  ],
};

/** EfficientNets without squeeze and excitation, for weak processors. */
const efficientnet: Family<EfficientNetArchitecture> = {
  label: "EfficientNet-Lite",
  paper: "Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks; Lite: without squeeze and excitation, with ReLU6",
  normalization: SYMMETRIC_NORMALIZATION,
  models: [
    {
      name: "tf_efficientnet_lite0",
      description: "EfficientNet-Lite0 as TensorFlow pads it",
      ...sizes(224),
      parameters: 3_383_818,
      architecture: { ...lite0, padding: "same", eps: 1e-3 },
    },
    {
      name: "efficientnet_lite0",
      description: "EfficientNet-Lite0",
      ...sizes(224),
      parameters: 3_383_818,
      normalization: IMAGENET_NORMALIZATION,
      architecture: { ...lite0, padding: "half", eps: 1e-5 },
    },
  ],
  stages: mobileStages,
};

const mobilenet: Family<EfficientNetArchitecture> = {
  label: "MobileNet",
  paper: "Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks",
  normalization: IMAGENET_NORMALIZATION,
  models: [
    {
      name: "mobilenetv2_100",
      description: "MobileNetV2: a quick network for photographs",
      ...sizes(224),
      parameters: 2_236_682,
      architecture: {
        padding: "half",
        eps: 1e-5,
        stem: 32,
        head: 1280,
        stages: [
          separable(16),
          inverted(2, 24, 3, 2),
          inverted(3, 32, 3, 2),
          inverted(4, 64, 3, 2),
          inverted(3, 96, 3, 1),
          inverted(3, 160, 3, 2),
          inverted(1, 320, 3, 1),
        ],
      },
    },
  ],
  stages: mobileStages,
};

/** The stem and the last convolution after their ReLU6, and each stage after its last block, which ends without one. */
function mobileStages({ stem, head, stages }: EfficientNetArchitecture, { imageSize }: ModelSizes): GridStage[] {
  let side = Math.ceil(imageSize / 2);
  const inside = stages.map(({ stride, channels }, i): GridStage => {
    side = Math.ceil(side / stride);
    return { name: `stage${i + 1}`, kind: "map", side, channels };
  });
  return [{ name: "stem", kind: "map", side: Math.ceil(imageSize / 2), channels: stem }, ...inside, { name: "conv_head", kind: "map", side, channels: head }];
}

// ---- ConvNeXt ---------------------------------------------------------------------------------------------------------------------

export interface ConvNeXtArchitecture {
  /** Blocks in each of the four stages, and their channels. */
  depths: readonly number[];
  channels: readonly number[];
}

const convnext: Family<ConvNeXtArchitecture> = {
  label: "ConvNeXt",
  paper: "Liu et al. 2022, A ConvNet for the 2020s",
  normalization: IMAGENET_NORMALIZATION,
  models: [
    {
      name: "convnext_tiny",
      description: "ConvNeXt-Tiny",
      ...sizes(224),
      parameters: 27_827_818,
      architecture: { depths: [3, 3, 9, 3], channels: [96, 192, 384, 768] },
    },
  ],
  /** The stem has patches of 4 px, and each later stage makes one of four; what does not fill a patch is left out. */
  stages({ channels }, { imageSize }) {
    const side = Math.floor(imageSize / 4);
    const stem: GridStage = { name: "stem", kind: "map", side, channels: channels[0]! };
    return [stem, ...channels.map((channels, i): GridStage => ({ name: `stage${i + 1}`, kind: "map", side: Math.floor(side / 2 ** i), channels }))];
  },
  smallestImage: 32,
};

// ---- All of them ------------------------------------------------------------------------------------------------------------------

export const families = { resnet, vit, deit, deitDistilled, dinov2, efficientnet, mobilenet, convnext };
export type FamilyName = keyof typeof families;

/** What a model's name determines. */
export interface ModelInfo extends ModelSizes {
  name: string;
  family: FamilyName;
  description: string;
  /** With 10 classes, at its own sizes. */
  parameters: number;
}

const models: readonly (ModelInfo & { architecture: unknown; normalization?: Normalization })[] = Object.entries(families).flatMap(([family, { models }]) =>
  models.map((model) => ({ ...model, family: family as FamilyName })),
);
/** The models of each family, under its label. */
export const modelGroups: readonly { label: string; names: readonly string[] }[] = Object.values(families).map(({ label, models }) => ({
  label,
  names: models.map(({ name }) => name),
}));
export const modelNames: readonly string[] = models.map(({ name }) => name);
export const modelInfos: readonly ModelInfo[] = models.map(({ architecture: _, normalization: __, ...info }) => info);

/** The backbone that comes with the program, to make teachers of, and the side of the images at which it is used, in pixels. */
export const bundledBackbone = { model: "tf_efficientnet_lite0", imageSize: 160 };

/** The model of that name, with its family's architecture. Throws a UsageError that lists all names if there is none. */
export function modelNamed(name: string): (typeof models)[number] {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const meant = nearest(name, modelNames);
  throw new UsageError(`unknown model "${name}"${meant ? ` (did you mean ${meant}?)` : ""}; expected one of ${modelNames.join(", ")}`);
}

export const familyOf = (model: string): Family => families[modelNamed(model).family];

/** Used with a model's weights if they do not record how their images were normalised. */
export const usualNormalization = (model: string): Normalization => modelNamed(model).normalization ?? familyOf(model).normalization;

/** Side of the images that a model is made for, in pixels. Throws a UsageError if there is no such model, as do the functions below. */
export const imageSizeOf = (model: string): number => modelNamed(model).imageSize;

/** Side of a model's own patches in pixels; null for models without patches. */
export const patchSizeOf = (model: string): number | null => modelNamed(model).patchSize;

/** What is wrong with the sizes of a model, in words, and which of them; null if they fit. */
export function sizesProblem(model: string, { imageSize, patchSize }: ModelSizes): { size: keyof ModelSizes; problem: string } | null {
  const { smallestImage = 1 } = familyOf(model);
  if (imageSize < smallestImage) return { size: "imageSize", problem: `expected at least ${smallestImage} for ${model}, got ${imageSize}` };
  if (patchSize === null) return null;
  const problem = familyOf(model).patchProblem?.(modelNamed(model).architecture, patchSize);
  if (problem) return { size: "patchSize", problem };
  return imageSize % patchSize === 0 ? null : { size: "imageSize", problem: `expected a multiple of the patch size ${patchSize}, got ${imageSize}` };
}

/** The stages of a model, at its own sizes or at others that it supports. */
export function stagesOf(model: string, sizes: Partial<ModelSizes> = {}): Stage[] {
  const { architecture, imageSize, patchSize } = modelNamed(model);
  return familyOf(model).stages(architecture, { imageSize: sizes.imageSize ?? imageSize, patchSize: sizes.patchSize ?? patchSize });
}

/** The stages of a model that have a grid. */
export function gridStagesOf(model: string, sizes: Partial<ModelSizes> = {}): GridStage[] {
  return stagesOf(model, sizes).filter(hasGrid);
}

export function hasGrid(stage: Stage): stage is GridStage {
  return stage.kind !== "head";
}
