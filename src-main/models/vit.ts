import { transformerInitial } from "../nn/attention";
import { Block } from "../nn/block";
import { normal } from "../nn/initial";
import { LayerNorm } from "../nn/layer-norm";
import { Linear } from "../nn/linear";
import { PatchEmbed } from "../nn/patch-embed";
import { sequential } from "../nn/sequential";
import { Weight } from "../nn/weight";
import { embedTokens } from "../tensor/ops/embed-tokens";
import { keepResult, type Tensor } from "../tensor/tensor";
import { Model, type ModelShape } from "./model";
import type { ModelEntry } from "./registry";

interface VisionTransformerConfig {
  /** D */
  width: number;
  /** Number of blocks. */
  depth: number;
  /** A */
  heads: number;
}

/** Vision transformer with a class token (Dosovitskiy et al. 2020). timm.models.vision_transformer.VisionTransformer; timm's weights fit. */
export class VisionTransformer extends Model {
  cls_token: Weight;
  pos_embed: Weight;
  patch_embed: PatchEmbed;
  blocks: Block[];
  norm: LayerNorm;
  head: Linear;

  constructor(name: string, shape: ModelShape & { patchSize: number }, { width, depth, heads }: VisionTransformerConfig) {
    super(name, shape);
    const patches = (shape.imageSize / shape.patchSize) ** 2;
    this.cls_token = Weight.parameter([1, 1, width], normal(1e-6));
    this.pos_embed = Weight.parameter([1, 1 + patches, width], normal(0.02));
    this.patch_embed = new PatchEmbed(shape.patchSize, width);
    this.blocks = Array.from({ length: depth }, () => new Block(width, heads));
    this.norm = new LayerNorm(width);
    this.head = new Linear(width, shape.classes, transformerInitial);
  }

  forward(images: Tensor): Tensor {
    const { dtype } = images;
    let x = this.patch_embed.forward(images);
    x = embedTokens(x, this.cls_token, this.pos_embed);
    x = sequential(this.blocks.slice(0, -1), x, dtype);
    // What follows the last attention works token by token, and the class token alone is looked at.
    x = keepResult(() => this.blocks.at(-1)!.forward(x, dtype, { classToken: true }));
    x = this.norm.forward(x, dtype);
    return this.head.forward(x, { dtype: "f32" });
  }
}

export const visionTransformers: readonly ModelEntry[] = [
  entry("vit_tiny_patch16_224", "ViT-Tiny", { imageSize: 224, patchSize: 16 }, 5_526_346, { width: 192, depth: 12, heads: 3 }),
  entry("vit_small_patch16_224", "ViT-Small", { imageSize: 224, patchSize: 16 }, 21_669_514, { width: 384, depth: 12, heads: 6 }),
  entry("vit_micro_patch4_32", "A small ViT for small images: a quick student", { imageSize: 32, patchSize: 4 }, 1_205_898, { width: 128, depth: 6, heads: 4 }),
];

function entry(
  name: string,
  description: string,
  own: { imageSize: number; patchSize: number },
  parameters: number,
  config: VisionTransformerConfig,
): ModelEntry {
  return {
    name,
    family: "vit",
    description,
    ...own,
    parameters,
    create: ({ classes, imageSize, patchSize }) => new VisionTransformer(name, { classes, imageSize, patchSize: patchSize ?? own.patchSize }, config),
  };
}
