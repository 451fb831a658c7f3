import { mlp } from "../tensor/ops/mlp";
import type { Tensor } from "../tensor/tensor";
import { transformerInitial } from "./attention";
import { Linear } from "./linear";
import { Module } from "./module";

/** Two linear layers with GELU between them. timm.layers.Mlp. */
export class Mlp extends Module {
  fc1: Linear;
  fc2: Linear;

  constructor(width: number, hidden: number) {
    super();
    this.fc1 = new Linear(width, hidden, transformerInitial);
    this.fc2 = new Linear(hidden, width, transformerInitial);
  }

  /** x [...,D] -> residual + [...,D] */
  forward(x: Tensor, options: { residual?: Tensor } = {}): Tensor {
    return mlp(x, this.fc1, this.fc2, options);
  }
}
