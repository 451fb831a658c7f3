import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import type { Tensor } from "../tensor/tensor";
import { transformerInitial } from "./attention";
import { DepthwiseConv2d } from "./depthwise-conv2d";
import { constant } from "./initial";
import { LayerNorm } from "./layer-norm";
import { Mlp } from "./mlp";
import { Module } from "./module";
import { Weight } from "./weight";

/** A 7x7 depthwise convolution, then an MLP of the channels at each place, beside a shortcut (Liu et al. 2022). timm.models.convnext.ConvNeXtBlock. */
export class ConvNeXtBlock extends Module {
  conv_dw: DepthwiseConv2d;
  norm: LayerNorm;
  mlp: Mlp;
  /** Factors of layer scale. */
  gamma: Weight;

  constructor(channels: number) {
    super();
    const { weight, bias } = transformerInitial;
    this.conv_dw = new DepthwiseConv2d(channels, 7, { padding: 3, bias, initial: weight });
    this.norm = new LayerNorm(channels);
    this.mlp = new Mlp(channels, 4 * channels);
    this.gamma = Weight.parameter([channels], constant(1e-6));
  }

  /** x [N,H,W,C] -> [N,H,W,C] */
  forward(x: Tensor): Tensor {
    const h = this.norm.forward(this.conv_dw.forward(x), x.dtype);
    return this.mlp.forward(h, { residual: x, scale: this.gamma });
  }

  export(graph: Graph, x: Value): Value {
    const h = onnx.overChannels(graph, this.conv_dw.export(graph, x), (y) => this.mlp.export(graph, this.norm.export(graph, y), { scale: this.gamma }));
    return onnx.add(graph, x, h);
  }
}
