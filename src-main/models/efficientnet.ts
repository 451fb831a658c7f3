import type { EfficientNetArchitecture } from "../contract/families";
import type { BatchNorm2d } from "../nn/batch-norm";
import type { Conv2d } from "../nn/conv2d";
import { uniform, zeros } from "../nn/initial";
import { DepthwiseSeparableConv, InvertedResidual, mobileConv2d, mobileNorm } from "../nn/inverted-residual";
import { Linear } from "../nn/linear";
import { exportSequential, sequential } from "../nn/sequential";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { averagePool } from "../tensor/ops/average-pool";
import { withBatchInside } from "../tensor/ops/image-layout";
import type { Tensor } from "../tensor/tensor";
import type { FamilyCode } from "./family";
import { Model, type ModelShape, type Observe } from "./model";
import { byRules, type Naming } from "./names";

type Block = DepthwiseSeparableConv | InvertedResidual;

/**
 * Mobile network of inverted residuals with ReLU6: MobileNetV2 (Sandler et al. 2018) and EfficientNet-Lite (Tan and Le 2019, without squeeze and
 * excitation). timm.models.efficientnet.EfficientNet; loads timm's weights.
 */
export class EfficientNet extends Model {
  conv_stem: Conv2d;
  bn1: BatchNorm2d;
  blocks: Block[][];
  conv_head: Conv2d;
  bn2: BatchNorm2d;
  classifier: Linear;

  constructor(name: string, shape: ModelShape, { stem, stages, head, ...layers }: EfficientNetArchitecture) {
    super(name, shape);
    this.conv_stem = mobileConv2d(3, stem, 3, 2, layers);
    this.bn1 = mobileNorm(stem, layers);
    this.blocks = stages.map(({ depth, expansion, channels, kernel, stride }, stage) => {
      const before = stages[stage - 1]?.channels ?? stem;
      return Array.from({ length: depth }, (_, i) => {
        const block = { inputs: i > 0 ? channels : before, outputs: channels, kernel, stride: i > 0 ? 1 : stride };
        return expansion === 1 ? new DepthwiseSeparableConv(block, layers) : new InvertedResidual(block, expansion, layers);
      });
    });
    this.conv_head = mobileConv2d(stages.at(-1)!.channels, head, 1, 1, layers);
    this.bn2 = mobileNorm(head, layers);
    this.classifier = new Linear(head, shape.classes, { weight: uniform(1 / Math.sqrt(shape.classes)), bias: zeros });
  }

  protected override compute(x: Tensor, observe: Observe): Tensor {
    x = this.bn1.after(this.conv_stem, withBatchInside(x), { activation: "relu6" });
    observe("stem", x);
    for (const [i, blocks] of this.blocks.entries()) {
      x = sequential(blocks, x);
      observe(`stage${i + 1}`, x);
    }
    x = this.bn2.after(this.conv_head, x, { activation: "relu6" });
    observe("conv_head", x);
    return this.classifier.forward(averagePool(x), { dtype: "f32" });
  }

  override export(graph: Graph, x: Value): Value {
    x = this.bn1.exportAfter(graph, this.conv_stem, x, { activation: "relu6" });
    for (const blocks of this.blocks) x = exportSequential(graph, blocks, x);
    x = this.bn2.exportAfter(graph, this.conv_head, x, { activation: "relu6" });
    return this.classifier.export(graph, onnx.averagePool(graph, x));
  }
}

/** timm's name of a block that another program counts from 0 through all stages: "blocks.2.1" of the fifth. */
export function timmsBlock(depths: readonly number[], index: number): string {
  let stage = 0;
  for (; stage < depths.length - 1 && index >= depths[stage]!; stage++) index -= depths[stage]!;
  return `blocks.${stage}.${index}`;
}

export const timmsNaming: Naming = { whose: "timm's", words: "", head: "classifier.weight", body: "conv_stem.weight", toTimm: (name) => name };

const LITE0_DEPTHS = [1, 2, 2, 3, 3, 4, 1];

/** efficientnet_lite_pytorch, and efficientnet_pytorch before it. The first block is a separable convolution, so its norms count otherwise. */
const efficientnetPytorch: Naming = {
  whose: "efficientnet-pytorch's",
  words: "_conv_stem is conv_stem, _blocks are counted by stages, _fc is classifier, and so on",
  head: "_fc.weight",
  body: "_conv_stem.weight",
  toTimm(name) {
    const [, index, rest] = /^_blocks\.(\d+)\.(.*)$/.exec(name) ?? [];
    if (index === undefined) return outsideBlocks(name);
    return `${timmsBlock(LITE0_DEPTHS, Number(index))}.${(index === "0" ? inSeparable : inInverted)(rest!)}`;
  },
};

const outsideBlocks = byRules([/^_bn1\./, "bn2."], [/^_bn0\./, "bn1."], [/^_conv_(stem|head)\./, "conv_$1."], [/^_fc\./, "classifier."]);
const inSeparable = byRules([/^_bn([12])\./, "bn$1."], [/^_depthwise_conv\./, "conv_dw."], [/^_project_conv\./, "conv_pw."]);
const inInverted = byRules(
  [/^_bn2\./, "bn3."],
  [/^_bn1\./, "bn2."],
  [/^_bn0\./, "bn1."],
  [/^_expand_conv\./, "conv_pw."],
  [/^_depthwise_conv\./, "conv_dw."],
  [/^_project_conv\./, "conv_pwl."],
);

export const lastOfMobile = ({ stages }: EfficientNetArchitecture) => [`blocks.${stages.length - 1}.`, "conv_head.", "bn2."];

export const efficientnet: FamilyCode<EfficientNetArchitecture> = {
  create: (name, architecture, shape) => new EfficientNet(name, shape, architecture),
  namings: [timmsNaming, efficientnetPytorch],
  heads: ["classifier"],
  last: lastOfMobile,
  // The weights fit images of any size.
  sizesIn: () => ({}),
};
