/**
 * The model families as plain data: what every process, the page included, knows about a model without building it. models/<family>.ts
 * holds a family's code; models/registry.ts lists it under the same name.
 */
import { UsageError } from "./failure";
import { nearest } from "./nearest";
import { CIFAR10_NORMALIZATION, IMAGENET_NORMALIZATION, type Normalization } from "./normalization";

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
  /** Used with weights that do not record how their images were normalised. */
  normalization: Normalization;
  models: readonly ModelData<Architecture>[];
  /** In the order of the forward pass. */
  stages(architecture: Architecture, sizes: ModelSizes): Stage[];
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
  architecture: Architecture;
}

function sizes(imageSize: number, patchSize: number | null = null): ModelSizes {
  return { imageSize, patchSize };
}

// ---- Residual networks ------------------------------------------------------------------------------------------------------------

export interface ResNetArchitecture {
  /** imagenet: 7x7 convolution with stride 2, then max-pool; cifar: 3x3 with stride 1, for images of about 32 px. */
  stem: "imagenet" | "cifar";
  /** Blocks in each of the three or four stages, and their channels. */
  depths: readonly number[];
  channels: readonly number[];
}

const depth18 = { depths: [2, 2, 2, 2], channels: [64, 128, 256, 512] };
const depth34 = { depths: [3, 4, 6, 3], channels: [64, 128, 256, 512] };
/** Three stages, as He et al. 2015 use them for CIFAR-10. */
const narrow = { channels: [16, 32, 64] };

const resnet: Family<ResNetArchitecture> = {
  normalization: CIFAR10_NORMALIZATION,
  models: [
    { name: "resnet18", description: "ResNet-18 for photographs", ...sizes(224), parameters: 11_181_642, architecture: { stem: "imagenet", ...depth18 } },
    { name: "resnet34", description: "ResNet-34 for photographs", ...sizes(224), parameters: 21_289_802, architecture: { stem: "imagenet", ...depth34 } },
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
  stages({ stem, channels }, { imageSize }) {
    const strides = stem === "imagenet" ? [2, 4, 8, 16, 32] : [1, 1, 2, 4, 8];
    return [channels[0]!, ...channels].map((channels, i) => ({
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
}

const tiny = { width: 192, depth: 12, heads: 3 };
const small = { width: 384, depth: 12, heads: 6 };
const micro = { width: 128, depth: 6, heads: 4 };

const vit: Family<VisionTransformerArchitecture> = {
  normalization: CIFAR10_NORMALIZATION,
  models: [
    { name: "vit_tiny_patch16_224", description: "ViT-Tiny", ...sizes(224, 16), parameters: 5_526_346, architecture: { stem: "patch", ...tiny } },
    { name: "vit_small_patch16_224", description: "ViT-Small", ...sizes(224, 16), parameters: 21_669_514, architecture: { stem: "patch", ...small } },
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

/** Vision transformers with a distillation token beside the class token (Touvron et al. 2021). */
const deit: Family<VisionTransformerArchitecture> = {
  normalization: IMAGENET_NORMALIZATION,
  models: [
    {
      name: "deit_tiny_distilled_patch16_224",
      description: "DeiT-Tiny with a distillation token",
      ...sizes(224, 16),
      parameters: 5_528_660,
      architecture: { stem: "patch", ...tiny },
    },
  ],
  stages: (architecture, sizes) => [...blockStages(architecture, sizes, 2), { name: "head", kind: "head" }, { name: "head_dist", kind: "head" }],
};

/** The residual stream after each block except the last, which computes only the prefix tokens. */
function blockStages({ width, depth }: VisionTransformerArchitecture, { imageSize, patchSize }: ModelSizes, prefix: number): GridStage[] {
  const side = imageSize / patchSize!;
  return Array.from({ length: depth - 1 }, (_, i) => ({ name: `block${i + 1}`, kind: "tokens", side, prefix, width }));
}

// ---- All of them ------------------------------------------------------------------------------------------------------------------

export const families = { resnet, vit, deit };
export type FamilyName = keyof typeof families;

/** What a model's name determines. */
export interface ModelInfo extends ModelSizes {
  name: string;
  family: FamilyName;
  description: string;
  /** With 10 classes, at its own sizes. */
  parameters: number;
}

const models: readonly (ModelInfo & { architecture: unknown })[] = Object.entries(families).flatMap(([family, { models }]) =>
  models.map((model) => ({ ...model, family: family as FamilyName })),
);
export const modelNames: readonly string[] = models.map(({ name }) => name);
export const modelInfos: readonly ModelInfo[] = models.map(({ architecture: _, ...info }) => info);

/** The backbone that comes with the program, to make teachers of, and the side of the images at which it is used, in pixels. */
export const bundledBackbone = { model: "tf_efficientnet_lite0", imageSize: 160 };

/** The model of that name, with its family's architecture. Throws a UsageError that lists all names if there is none. */
export function modelNamed(name: string): ModelInfo & { architecture: unknown } {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const meant = nearest(name, modelNames);
  throw new UsageError(`unknown model "${name}"${meant ? ` (did you mean ${meant}?)` : ""}; expected one of ${modelNames.join(", ")}`);
}

export const familyOf = (model: string): Family => families[modelNamed(model).family];

/** Side of the images that a model is made for, in pixels. Throws a UsageError if there is no such model, as do the functions below. */
export const imageSizeOf = (model: string): number => modelNamed(model).imageSize;

/** Side of a model's own patches in pixels; null for models without patches. */
export const patchSizeOf = (model: string): number | null => modelNamed(model).patchSize;

/** What is wrong with the sizes of a model with patches, in words, and which of them; null if they fit. */
export function sizesProblem(model: string, imageSize: number, patchSize: number): { size: keyof ModelSizes; problem: string } | null {
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
