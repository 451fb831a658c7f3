import type { ConvNeXtArchitecture } from "../contract/families";
import { transformerInitial } from "../nn/attention";
import { Conv2d } from "../nn/conv2d";
import { ConvNeXtBlock } from "../nn/convnext-block";
import { LayerNorm } from "../nn/layer-norm";
import { Linear } from "../nn/linear";
import { Module } from "../nn/module";
import { exportSequential, sequential } from "../nn/sequential";
import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { averagePool } from "../tensor/ops/average-pool";
import { keepResult, type Tensor } from "../tensor/tensor";
import type { FamilyCode, Resized } from "./family";
import { Model, type ModelShape, type Observe } from "./model";
import { byRules, type Naming } from "./names";

/** Convolutional network that is built like a transformer (Liu et al. 2022, "A ConvNet for the 2020s"). timm.models.convnext.ConvNeXt; loads timm's weights. */
export class ConvNeXt extends Model {
  stem: [Conv2d, LayerNorm];
  stages: Stage[];
  head: Head;

  constructor(name: string, shape: ModelShape, { depths, channels }: ConvNeXtArchitecture) {
    super(name, shape);
    this.stem = [patches(3, channels[0]!, 4), new LayerNorm(channels[0]!)];
    this.stages = depths.map((depth, i) => new Stage(depth, channels[i - 1] ?? null, channels[i]!));
    this.head = new Head(channels.at(-1)!, shape.classes);
  }

  protected override compute(x: Tensor, observe: Observe): Tensor {
    const [conv, norm] = this.stem;
    x = keepResult(() => norm.forward(conv.forward(x), x.dtype));
    observe("stem", x);
    for (const [i, stage] of this.stages.entries()) {
      x = stage.forward(x);
      observe(`stage${i + 1}`, x);
    }
    return this.head.forward(averagePool(x));
  }

  override export(graph: Graph, x: Value): Value {
    const [conv, norm] = this.stem;
    x = onnx.overChannels(graph, conv.export(graph, x), (y) => norm.export(graph, y));
    return this.head.export(graph, onnx.averagePool(graph, exportSequential(graph, this.stages, x)));
  }
}

/** Blocks; every stage but the first halves the side before them. timm.models.convnext.ConvNeXtStage. */
class Stage extends Module {
  downsample: [LayerNorm, Conv2d] | null;
  blocks: ConvNeXtBlock[];

  /** `before`: channels of the stage before; null for the first. */
  constructor(depth: number, before: number | null, channels: number) {
    super();
    this.downsample = before === null ? null : [new LayerNorm(before), patches(before, channels, 2)];
    this.blocks = Array.from({ length: depth }, () => new ConvNeXtBlock(channels));
  }

  /** x [N,H,W,C] -> [N,H/2,W/2,O], in the first stage [N,H,W,C] */
  forward(x: Tensor): Tensor {
    return sequential(
      this.blocks,
      keepResult(() => this.#halved(x)),
    );
  }

  export(graph: Graph, x: Value): Value {
    return exportSequential(graph, this.blocks, this.#exportHalved(graph, x));
  }

  #exportHalved(graph: Graph, x: Value): Value {
    if (!this.downsample) return x;
    const [norm, conv] = this.downsample;
    return conv.export(
      graph,
      onnx.overChannels(graph, x, (y) => norm.export(graph, y)),
    );
  }

  #halved(x: Tensor): Tensor {
    if (!this.downsample) return x;
    const [norm, conv] = this.downsample;
    return conv.forward(norm.forward(x, x.dtype));
  }
}

/** timm.layers.NormMlpClassifierHead without its hidden layer. */
class Head extends Module {
  norm: LayerNorm;
  fc: Linear;

  constructor(width: number, classes: number) {
    super();
    this.norm = new LayerNorm(width);
    this.fc = new Linear(width, classes, transformerInitial);
  }

  /** pooled [N,C] -> logits [N,K], f32 */
  forward(pooled: Tensor): Tensor {
    return this.fc.forward(this.norm.forward(pooled, pooled.dtype), { dtype: "f32" });
  }

  export(graph: Graph, pooled: Value): Value {
    return this.fc.export(graph, this.norm.export(graph, pooled));
  }
}

/** A linear layer of each patch of that side. */
function patches(inputs: number, outputs: number, side: number): Conv2d {
  const { weight, bias } = transformerInitial;
  return new Conv2d(inputs, outputs, side, { stride: side, bias, initial: weight });
}

/** The authors', github.com/facebookresearch/ConvNeXt. */
const authors: Naming = {
  whose: "the authors'",
  words: "downsample_layers.0 is stem, dwconv is conv_dw, pwconv1 is mlp.fc1, and so on",
  head: "head.weight",
  body: "downsample_layers.0.0.weight",
  toTimm: byRules(
    [/^norm\./, "head.norm."],
    [/^head\.(weight|bias)$/, "head.fc.$1"],
    [/^downsample_layers\.0\./, "stem."],
    [/^downsample_layers\.(\d+)\./, "stages.$1.downsample."],
    [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
    [/\.dwconv\./, ".conv_dw."],
    [/\.pwconv([12])\./, ".mlp.fc$1."],
  ),
};

const STAGES = [0, 1, 2, 3];

/** torchvision.models.convnext.ConvNeXt: stages and what halves the side before them are counted as one list. */
const torchvision: Naming = {
  whose: "torchvision's",
  words: "features.0 is stem, the others are stages and their downsample, block is conv_dw, norm and mlp, layer_scale is gamma, and so on",
  head: "classifier.2.weight",
  body: "features.1.0.layer_scale",
  toTimm: byRules(
    [/^classifier\.0\./, "head.norm."],
    [/^classifier\.2\./, "head.fc."],
    [/^features\.0\./, "stem."],
    ...STAGES.map((stage) => [new RegExp(`^features\\.${2 * stage + 1}\\.(\\d+)\\.`), `stages.${stage}.blocks.$1.`] as const),
    ...STAGES.slice(1).map((stage) => [new RegExp(`^features\\.${2 * stage}\\.`), `stages.${stage}.downsample.`] as const),
    [/\.layer_scale$/, ".gamma"],
    [/\.block\.0\./, ".conv_dw."],
    [/\.block\.2\./, ".norm."],
    [/\.block\.3\./, ".mlp.fc1."],
    [/\.block\.5\./, ".mlp.fc2."],
  ),
};

/** torchvision's factors of layer scale are [C,1,1]. */
const gammas: FamilyCode["resized"] = (weights, { header: { tensors } }) =>
  [...weights].flatMap(([name, { shape: own }]): [string, Resized][] => {
    const shape = tensors.get(name)?.shape;
    return name.endsWith(".gamma") && String(shape) === `${own},1,1` ? [[name, { shape: shape!, converted: (values) => values }]] : [];
  });

export const convnext: FamilyCode<ConvNeXtArchitecture> = {
  create: (name, architecture, shape) => new ConvNeXt(name, shape, architecture),
  namings: [{ whose: "timm's", words: "", head: "head.fc.weight", body: "stem.0.weight", toTimm: (name) => name }, authors, torchvision],
  heads: ["head.fc"],
  last: ({ depths }) => [`stages.${depths.length - 1}.`, "head.norm."],
  resized: gammas,
  // The weights fit images of any size.
  sizesIn: () => ({}),
};
