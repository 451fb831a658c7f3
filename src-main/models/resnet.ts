import type { ResNetArchitecture } from "../contract/families";
import { BasicBlock, resnetConv2d } from "../nn/basic-block";
import { BatchNorm2d } from "../nn/batch-norm";
import type { Conv2d } from "../nn/conv2d";
import { Linear } from "../nn/linear";
import { sequential } from "../nn/sequential";
import { averagePool } from "../tensor/ops/average-pool";
import { withBatchInside } from "../tensor/ops/image-layout";
import { maxPool } from "../tensor/ops/max-pool";
import type { Tensor } from "../tensor/tensor";
import type { FamilyCode } from "./family";
import { Model, type ModelShape, type Observe } from "./model";
import { byRules } from "./names";

/** Residual network of basic blocks (He et al. 2015). timm.models.resnet.ResNet; loads timm's and torchvision's weights. */
export class ResNet extends Model {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  layer1: BasicBlock[];
  layer2: BasicBlock[];
  layer3: BasicBlock[];
  /** Empty in a network of three stages. */
  layer4: BasicBlock[];
  fc: Linear;
  readonly #maxPool: boolean;

  constructor(name: string, shape: ModelShape, { stem, depths, channels }: ResNetArchitecture) {
    super(name, shape);
    const [c1, c2, c3, c4] = channels as [number, number, number, number?];
    const [n1, n2, n3, n4] = depths as [number, number, number, number?];
    this.conv1 = stem === "imagenet" ? resnetConv2d(3, c1, 7, 2) : resnetConv2d(3, c1, 3, 1);
    this.bn1 = new BatchNorm2d(c1);
    this.#maxPool = stem === "imagenet";
    this.layer1 = stage(n1, c1, c1, 1);
    this.layer2 = stage(n2, c1, c2, 2);
    this.layer3 = stage(n3, c2, c3, 2);
    this.layer4 = c4 && n4 ? stage(n4, c3, c4, 2) : [];
    this.fc = new Linear(c4 ?? c3, shape.classes);
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
}

function stage(depth: number, inputs: number, outputs: number, stride: number): BasicBlock[] {
  return Array.from({ length: depth }, (_, i) => (i === 0 ? new BasicBlock(inputs, outputs, stride) : new BasicBlock(outputs, outputs, 1)));
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
  // The weights fit images of any size.
  sizesIn: () => ({}),
};
