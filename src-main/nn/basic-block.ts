import type { Graph, Value } from "../onnx/graph";
import type { Tensor } from "../tensor/tensor";
import { BatchNorm2d } from "./batch-norm";
import { Conv2d } from "./conv2d";
import { normal, zeros } from "./initial";
import { Module } from "./module";

/** Two 3x3 convolutions beside a shortcut. timm.models.resnet.BasicBlock; bn2 starts at zero, so a fresh block passes on its shortcut. */
export class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  downsample: Downsample;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = resnetConv2d(inputs, outputs, 3, stride);
    this.bn1 = new BatchNorm2d(outputs);
    this.conv2 = resnetConv2d(outputs, outputs, 3, 1);
    this.bn2 = new BatchNorm2d(outputs, zeros);
    this.downsample = downsample(inputs, outputs, stride);
  }

  /** x [N,H,W,C] -> [N,H/stride,W/stride,O] */
  forward(x: Tensor): Tensor {
    const h = this.bn1.after(this.conv1, x, { activation: "relu" });
    return this.bn2.after(this.conv2, h, { residual: shortcut(x, this.downsample), activation: "relu" });
  }

  export(graph: Graph, x: Value): Value {
    const h = this.bn1.exportAfter(graph, this.conv1, x, { activation: "relu" });
    return this.bn2.exportAfter(graph, this.conv2, h, { residual: exportShortcut(graph, x, this.downsample), activation: "relu" });
  }
}

/** Projects a block's shortcut; null where no shape changes. */
export type Downsample = [Conv2d, BatchNorm2d] | null;

export function downsample(inputs: number, outputs: number, stride: number): Downsample {
  return stride === 1 && inputs === outputs ? null : [resnetConv2d(inputs, outputs, 1, stride), new BatchNorm2d(outputs)];
}

/** x [N,H,W,C] -> [N,H/stride,W/stride,O], beside a block's convolutions */
export function shortcut(x: Tensor, projection: Downsample): Tensor {
  if (!projection) return x;
  const [conv, bn] = projection;
  return bn.after(conv, x);
}

export function exportShortcut(graph: Graph, x: Value, projection: Downsample): Value {
  if (!projection) return x;
  const [conv, bn] = projection;
  return bn.exportAfter(graph, conv, x);
}

/** Padded so that only the stride changes the size. Initialised normal with std sqrt(2 / fan_out), which preserves gradients through ReLU (He et al. 2015). */
export function resnetConv2d(inputs: number, outputs: number, kernel: number, stride: number): Conv2d {
  const initial = normal(Math.sqrt(2 / (kernel * kernel * outputs)));
  return new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, initial });
}
