import type { Dinov2Architecture } from "../contract/families";
import { normal } from "../nn/initial";
import { Weight } from "../nn/weight";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { embedTokens } from "../tensor/ops/embed-tokens";
import { sliceTokens } from "../tensor/ops/slice-tokens";
import { full, type Tensor } from "../tensor/tensor";
import type { FamilyCode, TensorShapes } from "./family";
import type { ModelShape } from "./model";
import { byRules, type Naming } from "./names";
import { lastOfTransformer, positionsBy, sizesBy, VisionTransformer } from "./vit";

/**
 * Vision transformer with register tokens between the class token and the patches (Darcet et al. 2023, "Vision Transformers Need Registers"); patches
 * alone have positions. timm.models.vision_transformer.VisionTransformer with reg_tokens and no_embed_class; loads timm's weights.
 */
export class RegisterVisionTransformer extends VisionTransformer {
  reg_token: Weight;

  constructor(name: string, shape: ModelShape, { registers, ...architecture }: Dinov2Architecture) {
    super(name, shape, architecture, 1 + registers, 0);
    this.reg_token = Weight.parameter([1, registers, architecture.width], normal(1e-6), { undecayed: true });
  }

  /** The last register token and the positions are added first, then the other registers in falling order, and the class token last. */
  protected override embed(patches: Tensor): Tensor {
    const [, count, D] = patches.shape as [number, number, number];
    const registers = this.reg_token.shape[1]!;
    const register = (i: number) => sliceTokens(this.reg_token, i, i + 1);
    const nowhere = (tokens: number) => full([1, tokens, D], 0);
    const positions = embedTokens(this.pos_embed, full([1, 1, D], 0), nowhere(1 + count));
    let x = embedTokens(patches, register(registers - 1), positions);
    for (let i = registers - 2; i >= 0; i--) x = embedTokens(x, register(i), nowhere(count + registers - i));
    return embedTokens(x, this.cls_token, nowhere(1 + registers + count));
  }

  protected override exportEmbed(graph: Graph, patches: Value): Value {
    const placed = onnx.add(graph, patches, graph.weight(this.pos_embed));
    return onnx.prependTokens(graph, this.cls_token, onnx.prependTokens(graph, this.reg_token, placed));
  }
}

const renamed = byRules([/^register_tokens$/, "reg_token"], [/^blocks\.\d+\.(\d+)\./, "blocks.$1."]);

/** github.com/facebookresearch/dinov2; blocks may be in groups, counted through. */
const meta: Naming = {
  whose: "Meta's",
  words: "register_tokens is reg_token; mask_token, which only its training needs, is left out",
  head: "head.weight",
  body: "mask_token",
  mark: "mask_token",
  toTimm: (name) => (name === "mask_token" ? null : renamed(name)),
};

/** With registers, patches alone have positions, and in Meta's files the class token too. */
const placed = (tensors: TensorShapes) => (tensors.has("reg_token") && Number.isInteger(Math.sqrt(tensors.get("pos_embed")?.shape[1] ?? 0)) ? 0 : 1);

export const dinov2: FamilyCode<Dinov2Architecture> = {
  create: (name, { registers, ...architecture }, shape) =>
    registers > 0 ? new RegisterVisionTransformer(name, shape, { registers, ...architecture }) : new VisionTransformer(name, shape, architecture),
  namings: [{ whose: "timm's", words: "", head: "head.weight", body: "cls_token", toTimm: (name) => name }, meta],
  heads: ["head"],
  last: lastOfTransformer,
  resized: positionsBy(placed),
  sizesIn: (tensors) => sizesBy(tensors, placed(tensors)),
};
