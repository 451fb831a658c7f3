import type { LinearWeights } from "../tensor/ops/mlp";
import { multiply } from "../tensor/ops/multiply";
import { scaleRows } from "../tensor/ops/scale-rows";
import { constant } from "./initial";
import { Module } from "./module";
import { Weight } from "./weight";

/** A factor for each channel of what a layer adds to a residual (Touvron et al. 2021, "Going deeper with Image Transformers"). timm.layers.LayerScale. */
export class LayerScale extends Module {
  gamma: Weight;

  constructor(width: number, initial: number) {
    super();
    this.gamma = Weight.parameter([width], constant(initial));
  }
}

/** A linear layer whose outputs are those of `layer` times gamma [O]: the factors go into its weights, which are fewer than its outputs. */
export function scaledBy(gamma: Weight | undefined, layer: LinearWeights): LinearWeights {
  if (!gamma) return layer;
  return { weight: scaleRows(layer.weight, gamma), bias: multiply(layer.bias, gamma) };
}
