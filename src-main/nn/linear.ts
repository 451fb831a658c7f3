import type { Graph, Value } from "../onnx/graph";
import * as onnx from "../onnx/ops";
import { type LinearOptions, linear } from "../tensor/ops/linear";
import type { Tensor } from "../tensor/tensor";
import { type Initial, uniform } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

/** torch.nn.Linear, with a residual built in. */
export class Linear extends Module {
  weight: Weight;
  bias: Weight;

  /** Initialised by default as in PyTorch, uniform within 1 / sqrt(inputs). */
  constructor(inputs: number, outputs: number, initial: { weight: Initial; bias: Initial } = torchDefault(inputs)) {
    super();
    this.weight = Weight.parameter([outputs, inputs], initial.weight);
    this.bias = Weight.parameter([outputs], initial.bias);
  }

  /** x [...,I] -> residual + x weight^T + bias [...,O] */
  forward(x: Tensor, options: LinearOptions = {}): Tensor {
    return linear(x, this.weight, this.bias, options);
  }

  export(graph: Graph, x: Value): Value {
    return onnx.linear(graph, x, this);
  }
}

function torchDefault(inputs: number): { weight: Initial; bias: Initial } {
  const initial = uniform(1 / Math.sqrt(inputs));
  return { weight: initial, bias: initial };
}
