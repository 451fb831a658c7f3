import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { mlp } from "../tensor/ops/mlp";
import type { Tensor } from "../tensor/tensor";
import { transformerInitial } from "./attention";
import { scaledBy } from "./layer-scale";
import { Linear } from "./linear";
import { Module } from "./module";
import type { Weight } from "./weight";

/** Two linear layers with GELU between them. timm.layers.Mlp. */
export class Mlp extends Module {
  fc1: Linear;
  fc2: Linear;

  constructor(width: number, hidden: number) {
    super();
    this.fc1 = new Linear(width, hidden, transformerInitial);
    this.fc2 = new Linear(hidden, width, transformerInitial);
  }

  /** x [...,D] -> residual + scale * [...,D]. `scale`: factors of layer scale [D]. */
  forward(x: Tensor, { residual, scale }: { residual?: Tensor; scale?: Weight } = {}): Tensor {
    return mlp(x, this.fc1, scaledBy(scale, this.fc2), { residual });
  }

  export(graph: Graph, x: Value, { residual, scale }: { residual?: Value; scale?: Weight } = {}): Value {
    return onnx.linear(graph, onnx.gelu(graph, this.fc1.export(graph, x)), this.fc2, { residual, scale });
  }
}
