import type { Padding } from "../backend/addon";
import type { Graph, Value } from "../onnx/graph";
import type { Tensor } from "../tensor/tensor";
import { BatchNorm2d } from "./batch-norm";
import { Conv2d } from "./conv2d";
import { DepthwiseConv2d } from "./depthwise-conv2d";
import { normal, ones } from "./initial";
import { Module } from "./module";

/** What the layers of a mobile network have in common. */
export interface MobileLayers {
  /** half: so many zeros on all sides that only the stride changes the size; same: TensorFlow's. */
  padding: "half" | "same";
  /** Of every batch norm. */
  eps: number;
}

export interface MobileBlock {
  inputs: number;
  outputs: number;
  kernel: number;
  stride: number;
}

/** A depthwise convolution, then one of 1x1, each with batch norm, ReLU6 after the first only. timm.models._efficientnet_blocks.DepthwiseSeparableConv. */
export class DepthwiseSeparableConv extends Module {
  conv_dw: DepthwiseConv2d;
  bn1: BatchNorm2d;
  conv_pw: Conv2d;
  bn2: BatchNorm2d;
  readonly #skips: boolean;

  constructor({ inputs, outputs, kernel, stride }: MobileBlock, layers: MobileLayers) {
    super();
    this.conv_dw = mobileDepthwise(inputs, kernel, stride, layers);
    this.bn1 = mobileNorm(inputs, layers);
    this.conv_pw = mobileConv2d(inputs, outputs, 1, 1, layers);
    this.bn2 = mobileNorm(outputs, layers);
    this.#skips = stride === 1 && inputs === outputs;
  }

  /** x [N,H,W,C] -> [N,H/stride,W/stride,O] */
  forward(x: Tensor): Tensor {
    const h = this.bn1.after(this.conv_dw, x, { activation: "relu6" });
    return this.bn2.after(this.conv_pw, h, { residual: this.#skips ? x : undefined });
  }

  export(graph: Graph, x: Value): Value {
    const h = this.bn1.exportAfter(graph, this.conv_dw, x, { activation: "relu6" });
    return this.bn2.exportAfter(graph, this.conv_pw, h, { residual: this.#skips ? x : undefined });
  }
}

/**
 * A depthwise convolution between two of 1x1, which widen and narrow the channels, beside a shortcut where no shape changes; ReLU6 but after the last
 * (Sandler et al. 2018). timm.models._efficientnet_blocks.InvertedResidual.
 */
export class InvertedResidual extends Module {
  conv_pw: Conv2d;
  bn1: BatchNorm2d;
  conv_dw: DepthwiseConv2d;
  bn2: BatchNorm2d;
  conv_pwl: Conv2d;
  bn3: BatchNorm2d;
  readonly #skips: boolean;

  /** `expansion`: how many times wider the channels are inside. */
  constructor({ inputs, outputs, kernel, stride }: MobileBlock, expansion: number, layers: MobileLayers) {
    super();
    const inside = inputs * expansion;
    this.conv_pw = mobileConv2d(inputs, inside, 1, 1, layers);
    this.bn1 = mobileNorm(inside, layers);
    this.conv_dw = mobileDepthwise(inside, kernel, stride, layers);
    this.bn2 = mobileNorm(inside, layers);
    this.conv_pwl = mobileConv2d(inside, outputs, 1, 1, layers);
    this.bn3 = mobileNorm(outputs, layers);
    this.#skips = stride === 1 && inputs === outputs;
  }

  /** x [N,H,W,C] -> [N,H/stride,W/stride,O] */
  forward(x: Tensor): Tensor {
    const h = this.bn1.after(this.conv_pw, x, { activation: "relu6" });
    const g = this.bn2.after(this.conv_dw, h, { activation: "relu6" });
    return this.bn3.after(this.conv_pwl, g, { residual: this.#skips ? x : undefined });
  }

  export(graph: Graph, x: Value): Value {
    const h = this.bn1.exportAfter(graph, this.conv_pw, x, { activation: "relu6" });
    const g = this.bn2.exportAfter(graph, this.conv_dw, h, { activation: "relu6" });
    return this.bn3.exportAfter(graph, this.conv_pwl, g, { residual: this.#skips ? x : undefined });
  }
}

/** Initialised normal with std sqrt(2 / fan_out), as TensorFlow's mobile networks and timm's. */
export function mobileConv2d(inputs: number, outputs: number, kernel: number, stride: number, layers: MobileLayers): Conv2d {
  const initial = normal(Math.sqrt(2 / (kernel * kernel * outputs)));
  return new Conv2d(inputs, outputs, kernel, { stride, padding: paddingOf(kernel, layers), initial });
}

/** The same; each output has a channel of its own. */
function mobileDepthwise(channels: number, kernel: number, stride: number, layers: MobileLayers): DepthwiseConv2d {
  const initial = normal(Math.sqrt(2 / (kernel * kernel)));
  return new DepthwiseConv2d(channels, kernel, { stride, padding: paddingOf(kernel, layers), initial });
}

export function mobileNorm(channels: number, { eps }: MobileLayers): BatchNorm2d {
  return new BatchNorm2d(channels, ones, eps);
}

const paddingOf = (kernel: number, { padding }: MobileLayers): Padding => (padding === "same" ? "same" : (kernel - 1) / 2);
