import { BasicBlock, resnetConv2d } from "../nn/basic-block";
import { BatchNorm2d } from "../nn/batch-norm";
import type { Conv2d } from "../nn/conv2d";
import { Linear } from "../nn/linear";
import { sequential } from "../nn/sequential";
import { averagePool } from "../tensor/ops/average-pool";
import { maxPool } from "../tensor/ops/max-pool";
import type { Tensor } from "../tensor/tensor";
import { Model, type ModelShape } from "./model";
import type { ModelEntry } from "./registry";

interface ResNetConfig {
  /** imagenet: 7x7 convolution with stride 2, then max-pool; cifar: 3x3 with stride 1, for images of about 32 px. */
  stem: "imagenet" | "cifar";
  /** Blocks in each of the three or four stages, and their channels. */
  depths: readonly number[];
  channels: readonly number[];
}

/** Residual network of basic blocks (He et al. 2015). timm.models.resnet.ResNet; timm's and torchvision's weights fit. */
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

  constructor(name: string, shape: ModelShape, { stem, depths, channels }: ResNetConfig) {
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

  forward(x: Tensor): Tensor {
    x = this.bn1.after(this.conv1, x, { relu: true });
    if (this.#maxPool) x = maxPool(x, { kernel: 3, stride: 2, padding: 1 });
    x = sequential(this.layer1, x);
    x = sequential(this.layer2, x);
    x = sequential(this.layer3, x);
    x = sequential(this.layer4, x);
    x = averagePool(x);
    return this.fc.forward(x, { dtype: "f32" });
  }
}

function stage(depth: number, inputs: number, outputs: number, stride: number): BasicBlock[] {
  return Array.from({ length: depth }, (_, i) => (i === 0 ? new BasicBlock(inputs, outputs, stride) : new BasicBlock(outputs, outputs, 1)));
}

const resnet18 = { depths: [2, 2, 2, 2], channels: [64, 128, 256, 512] };
const resnet34 = { depths: [3, 4, 6, 3], channels: [64, 128, 256, 512] };
const resnet20 = { depths: [3, 3, 3], channels: [16, 32, 64] };

export const resnets: readonly ModelEntry[] = [
  entry("resnet18", "ResNet-18 for photographs", 224, 11_181_642, { stem: "imagenet", ...resnet18 }),
  entry("resnet34", "ResNet-34 for photographs", 224, 21_289_802, { stem: "imagenet", ...resnet34 }),
  entry("resnet18_cifar10", "ResNet-18 for small images", 32, 11_173_962, { stem: "cifar", ...resnet18 }),
  entry("resnet34_cifar10", "ResNet-34 for small images", 32, 21_282_122, { stem: "cifar", ...resnet34 }),
  entry("resnet20_cifar10", "ResNet-20 for small images: a quick teacher", 32, 272_474, { stem: "cifar", ...resnet20 }),
];

function entry(name: string, description: string, imageSize: number, parameters: number, config: ResNetConfig): ModelEntry {
  return { name, family: "resnet", description, imageSize, patchSize: null, parameters, create: (shape) => new ResNet(name, shape, config) };
}
