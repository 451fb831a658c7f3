import type { ModelSizes, VisionTransformerArchitecture } from "../contract/families";
import { transformerInitial } from "../nn/attention";
import { Block } from "../nn/block";
import { HybridEmbed } from "../nn/hybrid-embed";
import { normal } from "../nn/initial";
import { LayerNorm } from "../nn/layer-norm";
import { Linear } from "../nn/linear";
import { PatchEmbed } from "../nn/patch-embed";
import { exportSequential } from "../nn/sequential";
import { Weight } from "../nn/weight";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { embedTokens } from "../tensor/ops/embed-tokens";
import { selectToken } from "../tensor/ops/select-token";
import { keepResult, type Tensor } from "../tensor/tensor";
import type { FamilyCode, Resized, TensorShapes } from "./family";
import { Model, type ModelShape, type Observe } from "./model";
import { byRules, type Naming } from "./names";
import { resampledPositions } from "./positions";

/** Vision transformer with a class token (Dosovitskiy et al. 2020). timm.models.vision_transformer.VisionTransformer; loads timm's weights. */
export class VisionTransformer extends Model {
  cls_token: Weight;
  pos_embed: Weight;
  patch_embed: PatchEmbed | HybridEmbed;
  blocks: Block[];
  norm: LayerNorm;
  head: Linear;

  /** `prefix`: tokens before the patches; `placed`: how many of them have positions, as the patches have. */
  constructor(
    name: string,
    shape: ModelShape,
    { width, depth, heads, stem, layerScale }: VisionTransformerArchitecture,
    private readonly prefix = 1,
    placed = prefix,
  ) {
    super(name, shape);
    const patchSize = shape.patchSize!;
    const patches = (shape.imageSize / patchSize) ** 2;
    this.cls_token = Weight.parameter([1, 1, width], normal(1e-6), { undecayed: true });
    this.pos_embed = Weight.parameter([1, placed + patches, width], normal(0.02), { undecayed: true });
    this.patch_embed = stem === "conv" ? new HybridEmbed(patchSize, width) : new PatchEmbed(patchSize, width);
    this.blocks = Array.from({ length: depth }, () => new Block(width, heads, layerScale));
    this.norm = new LayerNorm(width);
    this.head = new Linear(width, shape.classes, transformerInitial);
  }

  protected override compute(images: Tensor, observe: Observe): Tensor {
    const { dtype } = images;
    let x = this.embed(this.patch_embed.forward(images));
    for (const [i, block] of this.blocks.slice(0, -1).entries()) {
      x = keepResult(() => block.forward(x, dtype));
      observe(`block${i + 1}`, x);
    }
    // Everything after the last attention works token by token, and only the prefix is used.
    x = keepResult(() => this.blocks.at(-1)!.forward(x, dtype, { queries: this.prefix }));
    return this.classify(this.norm.forward(x, dtype), observe);
  }

  override export(graph: Graph, images: Value): Value {
    let x = this.exportEmbed(graph, this.patch_embed.export(graph, images));
    x = exportSequential(graph, this.blocks.slice(0, -1), x);
    x = this.blocks.at(-1)!.export(graph, x, { queries: this.prefix });
    return this.exportClassify(graph, this.norm.export(graph, x));
  }

  /** patches [N,P,D] -> tokens [N,T,D], f32 */
  protected embed(patches: Tensor): Tensor {
    return embedTokens(patches, this.cls_token, this.pos_embed);
  }

  protected exportEmbed(graph: Graph, patches: Value): Value {
    return onnx.add(graph, onnx.prependTokens(graph, this.cls_token, patches), graph.weight(this.pos_embed));
  }

  /** The prefix tokens [N,P,D] after the last norm -> logits [N,K] */
  protected classify(prefix: Tensor, _observe: Observe): Tensor {
    return this.head.forward(selectToken(prefix, 0), { dtype: "f32" });
  }

  protected exportClassify(graph: Graph, prefix: Value): Value {
    return this.head.export(graph, onnx.selectToken(graph, prefix, 0));
  }
}

/** torchvision.models.vision_transformer.VisionTransformer, in both of its versions. */
const torchvision: Naming = {
  whose: "torchvision's",
  words: "encoder.layers is blocks, self_attention is attn, and so on",
  head: "heads.head.weight",
  body: "class_token",
  toTimm: byRules(
    [/^class_token$/, "cls_token"],
    [/^encoder\.pos_embedding$/, "pos_embed"],
    [/^conv_proj\./, "patch_embed.proj."],
    [/^encoder\.ln\./, "norm."],
    [/^heads\.head\./, "head."],
    [/^encoder\.layers\.encoder_layer_(\d+)\./, "blocks.$1."],
    [/\.ln_([12])\./, ".norm$1."],
    [/\.self_attention\.in_proj_/, ".attn.qkv."],
    [/\.self_attention\.out_proj\./, ".attn.proj."],
    [/\.mlp\.(?:0|linear_1)\./, ".mlp.fc1."],
    [/\.mlp\.(?:3|linear_2)\./, ".mlp.fc2."],
  ),
};

export const lastOfTransformer = ({ depth }: VisionTransformerArchitecture) => [`blocks.${depth - 1}.`, "norm."];

/**
 * The position embedding, for other images; `placedIn`: how many tokens before the patches have positions. Where the class token has one in the file and none
 * in the model, as in Meta's files of DINOv2 with registers, it is added to the token.
 */
export function positionsBy(placedIn: (tensors: TensorShapes) => number): NonNullable<FamilyCode["resized"]> {
  return (weights, file) => {
    const { tensors } = file.header;
    const [found, own] = [tensors, weights].map((all) => all.get("pos_embed")?.shape);
    if (!own || found?.length !== 3 || String(found) === String(own)) return [];
    const [placed, width] = [placedIn(tensors), found[2]!];
    const added = placed - placedIn(weights);
    const from = Math.sqrt(found[1]! - placed);
    const to = Math.sqrt(own[1]! - (placed - added));
    if (!Number.isInteger(from) || from < 1 || !Number.isInteger(to)) return [];
    const shape = [found[0]!, found[1]!, own[2]!];
    const positions: Resized = { shape, converted: (values) => resampledPositions(values, { placed, from, to, width }).subarray(added * width) };
    const token: Resized = {
      shape: weights.get("cls_token")!.shape,
      converted(values) {
        const position = file.values("pos_embed");
        return values.map((value, d) => value + position[d]!);
      },
    };
    return added > 0
      ? [
          ["pos_embed", positions],
          ["cls_token", token],
        ]
      : [["pos_embed", positions]];
  };
}

export const vit: FamilyCode<VisionTransformerArchitecture> = {
  create: (name, architecture, shape) => new VisionTransformer(name, shape, architecture),
  namings: [{ whose: "timm's", words: "", head: "head.weight", body: "cls_token", toTimm: (name) => name }, torchvision],
  heads: ["head"],
  last: lastOfTransformer,
  resized: positionsBy(() => 1),
  sizesIn: (tensors) => sizesBy(tensors, 1),
};

/** pos_embed [1,placed+patches,D], patch_embed.proj.weight [D,3,P,P]; of a convolutional stem, all layers but the last halve the side. */
export function sizesBy(tensors: TensorShapes, placed: number): Partial<ModelSizes> {
  const positions = tensors.get("pos_embed")?.shape[1];
  const layers = [...tensors.keys()].filter((name) => /^patch_embed\.backbone\.\d+\.conv\.weight$/.test(name)).length;
  const patchSize = layers > 0 ? 2 ** (layers - 1) : tensors.get("patch_embed.proj.weight")?.shape[2];
  return positions && patchSize ? { imageSize: Math.sqrt(positions - placed) * patchSize, patchSize } : {};
}
