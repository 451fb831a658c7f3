import { BLOCK_EXPANSION, type ResNetArchitecture } from "../contract/families";
import { BasicBlock, resnetConv2d } from "../nn/basic-block";
import { BatchNorm2d } from "../nn/batch-norm";
import { Bottleneck } from "../nn/bottleneck";
import type { Conv2d } from "../nn/conv2d";
import { Linear } from "../nn/linear";
import { exportSequential, sequential } from "../nn/sequential";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { averagePool } from "../tensor/ops/average-pool";
import { withBatchInside } from "../tensor/ops/image-layout";
import { maxPool } from "../tensor/ops/max-pool";
import type { Tensor } from "../tensor/tensor";
import type { FamilyCode } from "./family";
import { Model, type ModelShape, type Observe } from "./model";
import { byRules } from "./names";

type Block = BasicBlock | Bottleneck;

/** Residual network of basic or bottleneck blocks (He et al. 2015). timm.models.resnet.ResNet; loads timm's and torchvision's weights. */
export class ResNet extends Model {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  layer1: Block[];
  layer2: Block[];
  layer3: Block[];
  /** Empty in a network of three stages. */
  layer4: Block[];
  fc: Linear;
  readonly #maxPool: boolean;

  constructor(name: string, shape: ModelShape, { stem, block, depths, channels }: ResNetArchitecture) {
    super(name, shape);
    this.conv1 = stem === "imagenet" ? resnetConv2d(3, channels[0]!, 7, 2) : resnetConv2d(3, channels[0]!, 3, 1);
    this.bn1 = new BatchNorm2d(channels[0]!);
    this.#maxPool = stem === "imagenet";
    const stages = stagesOfBlocks(block, depths, channels);
    this.layer1 = stages[0]!;
    this.layer2 = stages[1]!;
    this.layer3 = stages[2]!;
    this.layer4 = stages[3] ?? [];
    this.fc = new Linear(channels.at(-1)! * BLOCK_EXPANSION[block], shape.classes);
  }

  protected override compute(x: Tensor, observe: Observe): Tensor {
    x = this.bn1.after(this.conv1, withBatchInside(x), { activation: "relu" });
    observe("stem", x);
    if (this.#maxPool) x = maxPool(x, { kernel: 3, stride: 2, padding: 1 });
    for (const layer of ["layer1", "layer2", "layer3", "layer4"] as const) {
      if (this[layer].length === 0) continue;
      x = sequential(this[layer], x);
      observe(layer, x);
    }
    x = averagePool(x);
    return this.fc.forward(x, { dtype: "f32" });
  }

  override export(graph: Graph, x: Value): Value {
    x = this.bn1.exportAfter(graph, this.conv1, x, { activation: "relu" });
    if (this.#maxPool) x = onnx.maxPool(graph, x, { kernel: 3, stride: 2, padding: 1 });
    for (const layer of ["layer1", "layer2", "layer3", "layer4"] as const) x = exportSequential(graph, this[layer], x);
    return this.fc.export(graph, onnx.averagePool(graph, x));
  }
}

/** Each stage but the first halves the side, in its first block. */
function stagesOfBlocks(kind: ResNetArchitecture["block"], depths: readonly number[], channels: readonly number[]): Block[][] {
  const expansion = BLOCK_EXPANSION[kind];
  const block = (inputs: number, inside: number, stride: number) =>
    kind === "bottleneck" ? new Bottleneck(inputs, inside, inside * expansion, stride) : new BasicBlock(inputs, inside, stride);
  return depths.map((depth, stage) => {
    const inside = channels[stage]!;
    const before = stage === 0 ? inside : channels[stage - 1]! * expansion;
    return Array.from({ length: depth }, (_, i) => (i > 0 ? block(inside * expansion, inside, 1) : block(before, inside, stage === 0 ? 1 : 2)));
  });
}

export const resnet: FamilyCode<ResNetArchitecture> = {
  create: (name, architecture, shape) => new ResNet(name, shape, architecture),
  namings: [
    { whose: "timm's", words: "", head: "fc.weight", body: "bn1.weight", toTimm: (name) => name },
    {
      whose: "pytorch-cifar's",
      words: "linear is fc, shortcut is downsample",
      head: "linear.weight",
      body: "layer1.0.bn1.weight",
      toTimm: byRules([/^linear\./, "fc."], [/\.shortcut\./, ".downsample."]),
    },
    {
      whose: "mmpretrain's",
      words: "without backbone and head",
      head: "head.fc.weight",
      body: "backbone.bn1.weight",
      toTimm: byRules([/^(backbone|head)\./, ""]),
    },
  ],
  heads: ["fc"],
  last: ({ depths }) => [`layer${depths.length}.`],
  // The weights fit images of any size.
  sizesIn: () => ({}),
};
