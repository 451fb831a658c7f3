import type { VisionTransformerArchitecture } from "../contract/families";
import { transformerInitial } from "../nn/attention";
import { normal } from "../nn/initial";
import { Linear } from "../nn/linear";
import { Weight } from "../nn/weight";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { add } from "../tensor/ops/add";
import { embedTokens } from "../tensor/ops/embed-tokens";
import { scale } from "../tensor/ops/scale";
import { selectToken } from "../tensor/ops/select-token";
import { full, type Tensor } from "../tensor/tensor";
import type { FamilyCode } from "./family";
import type { ModelShape, Observe } from "./model";
import { lastOfTransformer, positionsBy, sizesBy, VisionTransformer } from "./vit";

/**
 * Vision transformer with a distillation token after the class token, and a head for each (Touvron et al. 2021, "Training data-efficient image
 * transformers & distillation through attention"). Its logits are the mean of both heads'. timm.models.deit.VisionTransformerDistilled; loads
 * timm's weights.
 */
export class DistilledVisionTransformer extends VisionTransformer {
  dist_token: Weight;
  head_dist: Linear;

  constructor(name: string, shape: ModelShape, architecture: VisionTransformerArchitecture) {
    super(name, shape, architecture, 2);
    this.dist_token = Weight.parameter([1, 1, architecture.width], normal(0.02), { undecayed: true });
    this.head_dist = new Linear(architecture.width, shape.classes, transformerInitial);
  }

  /** The distillation token is put before the patches, then the class token before both; only then positions are added. */
  protected override embed(patches: Tensor): Tensor {
    const [, count, D] = patches.shape as [number, number, number];
    const withToken = embedTokens(patches, this.dist_token, full([1, 1 + count, D], 0));
    return embedTokens(withToken, this.cls_token, this.pos_embed);
  }

  protected override exportEmbed(graph: Graph, patches: Value): Value {
    const tokens = onnx.prependTokens(graph, this.cls_token, onnx.prependTokens(graph, this.dist_token, patches));
    return onnx.add(graph, tokens, graph.weight(this.pos_embed));
  }

  protected override classify(prefix: Tensor, observe: Observe): Tensor {
    const head = this.head.forward(selectToken(prefix, 0), { dtype: "f32" });
    const distilled = this.head_dist.forward(selectToken(prefix, 1), { dtype: "f32" });
    observe("head", head);
    observe("head_dist", distilled);
    return scale(add(head, distilled), 0.5);
  }

  protected override exportClassify(graph: Graph, prefix: Value): Value {
    const head = this.head.export(graph, onnx.selectToken(graph, prefix, 0));
    const distilled = this.head_dist.export(graph, onnx.selectToken(graph, prefix, 1));
    return onnx.scale(graph, onnx.add(graph, head, distilled), 0.5);
  }
}

export const deitDistilled: FamilyCode<VisionTransformerArchitecture> = {
  create: (name, architecture, shape) => new DistilledVisionTransformer(name, shape, architecture),
  namings: [{ whose: "timm's", words: "", head: "head.weight", body: "cls_token", toTimm: (name) => name }],
  heads: ["head", "head_dist"],
  last: lastOfTransformer,
  resized: positionsBy(() => 2),
  sizesIn: (tensors) => sizesBy(tensors, 2),
};
