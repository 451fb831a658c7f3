import type { GridStage } from "../contract/families";
import { resizeGrid } from "../tensor/ops/resize-grid";
import { sliceTokens } from "../tensor/ops/slice-tokens";
import type { Tensor } from "../tensor/tensor";

/** [N,S,S,C]: what a stage computed at each place of its grid: a map, or the patch tokens without the prefix. */
export function gridOf(stage: GridStage, activations: Tensor): Tensor {
  if (stage.kind === "map") return activations;
  const { side, prefix, width } = stage;
  return sliceTokens(activations, prefix, prefix + side ** 2).reshape([activations.shape[0]!, side, side, width]);
}

/** The same on a grid of another side, where it has another. */
export function gridAt(side: number, stage: GridStage, activations: Tensor): Tensor {
  const grid = gridOf(stage, activations);
  return side === stage.side ? grid : resizeGrid(grid, side);
}

/** Values at each place of a grid. */
export function channelsOf(stage: GridStage): number {
  return stage.kind === "map" ? stage.channels : stage.width;
}
