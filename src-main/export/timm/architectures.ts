/** Which of timm's models ours are, and with which arguments. */
import { type Family, type FamilyName, type families, type ModelSizes, modelNamed, type VisionTransformerArchitecture } from "../../contract/families";

export interface TimmModel {
  /** In timm's registry, or in distill_models.py. */
  architecture: string;
  /** Whether it is in distill_models.py, because timm has no such model. */
  isOwn: boolean;
  /** Of its constructor. */
  args: Readonly<Record<string, unknown>>;
  /** Its first convolution, which timm replaces for images of other channels. */
  firstConv: string;
  /** How the last stage becomes the head's input. */
  globalPool: "avg" | "token";
  /** Whether it takes images of one size alone. */
  fixedInputSize: boolean;
}

type ArchitectureOf<F> = F extends Family<infer Architecture> ? Architecture : never;
type ToTimm<Architecture> = (name: string, architecture: Architecture, sizes: ModelSizes) => TimmModel;

const convolutional = { globalPool: "avg", fixedInputSize: false } as const;
const transformer = { globalPool: "token", fixedInputSize: true } as const;

/** By family, so that the compiler misses one that is added. */
const toTimm: { readonly [Name in FamilyName]: ToTimm<ArchitectureOf<(typeof families)[Name]>> } = {
  resnet: (name, { stem, depths, channels }) =>
    stem === "imagenet"
      ? { architecture: name, isOwn: false, args: {}, firstConv: "conv1", ...convolutional }
      : { architecture: "cifar_resnet", isOwn: true, args: { layers: depths, channels }, firstConv: "conv1", ...convolutional },
  vit: (name, architecture, sizes) => {
    const isOwn = architecture.stem === "conv";
    // timm has none of this size, and builds it as another with these arguments.
    const known = name === "vit_micro_patch4_32" ? "vit_tiny_patch16_224" : name;
    const firstConv = isOwn ? "patch_embed.backbone.0.conv" : "patch_embed.proj";
    return { architecture: isOwn ? "convstem_vit" : known, isOwn, args: sizesOf(architecture, sizes), firstConv, ...transformer };
  },
  deit: patches,
  deitDistilled: patches,
  dinov2: patches,
  efficientnet: (name) => ({ architecture: name, isOwn: false, args: {}, firstConv: "conv_stem", ...convolutional }),
  mobilenet: (name) => ({ architecture: name, isOwn: false, args: {}, firstConv: "conv_stem", ...convolutional }),
  convnext: (name) => ({ architecture: name, isOwn: false, args: {}, firstConv: "stem.0", ...convolutional }),
};

function patches(name: string, architecture: VisionTransformerArchitecture, sizes: ModelSizes): TimmModel {
  return { architecture: name, isOwn: false, args: sizesOf(architecture, sizes), firstConv: "patch_embed.proj", ...transformer };
}

/** All of them, always: with another side of a patch or another number of heads, timm loads the weights without an error, and answers wrongly. */
function sizesOf({ width, depth, heads }: VisionTransformerArchitecture, { imageSize, patchSize }: ModelSizes): TimmModel["args"] {
  return { img_size: imageSize, patch_size: patchSize, embed_dim: width, depth, num_heads: heads };
}

export function timmModel(name: string, sizes: ModelSizes): TimmModel {
  const { family, architecture } = modelNamed(name);
  return (toTimm[family] as ToTimm<unknown>)(name, architecture, sizes);
}
