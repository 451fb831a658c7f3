import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { withBatchInside, withBatchOutside } from "../tensor/ops/image-layout";
import type { Tensor } from "../tensor/tensor";
import { BatchNorm2d } from "./batch-norm";
import { Conv2d } from "./conv2d";
import { Module } from "./module";
import { tokensOf } from "./patch-embed";
import { exportSequential, sequential } from "./sequential";

/**
 * A convolutional stem in place of patches (Xiao et al. 2021, "Early Convolutions Help Transformers See Better"): for patches of side 2^k, k times a
 * 3x3 convolution of stride 2 with batch norm and ReLU, with D/2^(k-1) ... D channels, then one 1x1 convolution to D. timm's HybridEmbed(proj=False)
 * of a ConvStem with kernels 3 ... 3, 1 and strides 2 ... 2, 1.
 */
export class HybridEmbed extends Module {
  backbone: ConvNormAct[];

  constructor(patchSize: number, width: number) {
    super();
    const channels = [3];
    for (let side = patchSize / 2; side >= 1; side /= 2) channels.push(width / side);
    const halving = channels.slice(1).map((outputs, i) => new ConvNormAct(channels[i]!, outputs, 3, { stride: 2, norm: true }));
    this.backbone = [...halving, new ConvNormAct(width, width, 1, { stride: 1, norm: false })];
  }

  /** x [N,Z,Z,3] -> [N,T,D], places in row-major order */
  forward(x: Tensor): Tensor {
    return tokensOf(withBatchOutside(sequential(this.backbone, withBatchInside(x))));
  }

  export(graph: Graph, x: Value): Value {
    return onnx.tokensOf(graph, exportSequential(graph, this.backbone, x));
  }
}

/** A convolution with batch norm and ReLU, or alone with a bias, as the layers of timm's ConvStem. timm.layers.ConvNormAct. */
class ConvNormAct extends Module {
  conv: Conv2d;
  bn: BatchNorm2d | null;

  constructor(inputs: number, outputs: number, kernel: number, { stride, norm }: { stride: number; norm: boolean }) {
    super();
    this.conv = new Conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: !norm });
    this.bn = norm ? new BatchNorm2d(outputs) : null;
  }

  /** x [N,H,W,C] -> [N,H/stride,W/stride,O] */
  forward(x: Tensor): Tensor {
    return this.bn ? this.bn.after(this.conv, x, { activation: "relu" }) : this.conv.forward(x);
  }

  export(graph: Graph, x: Value): Value {
    return this.bn ? this.bn.exportAfter(graph, this.conv, x, { activation: "relu" }) : this.conv.export(graph, x);
  }
}
