import type { Graph, Value } from "../onnx/graph";
import type { Tensor } from "../tensor/tensor";
import { type Downsample, downsample, exportShortcut, resnetConv2d, shortcut } from "./basic-block";
import { BatchNorm2d } from "./batch-norm";
import type { Conv2d } from "./conv2d";
import { zeros } from "./initial";
import { Module } from "./module";

/**
 * A 3x3 convolution between two of 1x1, which narrow and widen the channels, beside a shortcut. timm.models.resnet.Bottleneck, as torchvision's: the 3x3
 * convolution has the stride. bn3 starts at zero, so a fresh block passes on its shortcut.
 */
export class Bottleneck extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  downsample: Downsample;

  /** `inside`: channels of the 3x3 convolution. */
  constructor(inputs: number, inside: number, outputs: number, stride: number) {
    super();
    this.conv1 = resnetConv2d(inputs, inside, 1, 1);
    this.bn1 = new BatchNorm2d(inside);
    this.conv2 = resnetConv2d(inside, inside, 3, stride);
    this.bn2 = new BatchNorm2d(inside);
    this.conv3 = resnetConv2d(inside, outputs, 1, 1);
    this.bn3 = new BatchNorm2d(outputs, zeros);
    this.downsample = downsample(inputs, outputs, stride);
  }

  /** x [N,H,W,C] -> [N,H/stride,W/stride,O] */
  forward(x: Tensor): Tensor {
    const h = this.bn1.after(this.conv1, x, { activation: "relu" });
    const g = this.bn2.after(this.conv2, h, { activation: "relu" });
    return this.bn3.after(this.conv3, g, { residual: shortcut(x, this.downsample), activation: "relu" });
  }

  export(graph: Graph, x: Value): Value {
    const h = this.bn1.exportAfter(graph, this.conv1, x, { activation: "relu" });
    const g = this.bn2.exportAfter(graph, this.conv2, h, { activation: "relu" });
    return this.bn3.exportAfter(graph, this.conv3, g, { residual: exportShortcut(graph, x, this.downsample), activation: "relu" });
  }
}
