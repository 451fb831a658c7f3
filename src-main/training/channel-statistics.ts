import type { Precision } from "../contract/recipe";
import { need, render } from "../data/batches";
import type { Split } from "../data/dataset";
import { gridOf } from "../models/grid";
import { noGrad, scope } from "../tensor/tensor";
import { type Network, renderingFor } from "./network";

export interface ChannelStatistics {
  /** [C] each; the deviation is the unbiased one. */
  mean: Float32Array;
  std: Float32Array;
}

export interface MeasuringOptions {
  /** The first so many images are measured, or all if there are fewer. */
  images: number;
  precision: Precision;
  /** Awaited between batches: lets other work in, and throws to stop. */
  yieldPoint(): Promise<void>;
}

const BATCH = 100;

/** Mean and deviation of each channel of a stage's map or patch tokens [N,S,S,C], over all positions in the first images of a split, as stored. */
export async function measureChannels(
  network: Network,
  split: Split,
  stage: string,
  { images, precision, yieldPoint }: MeasuringOptions,
): Promise<ChannelStatistics> {
  const count = Math.min(images, split.count);
  const sums = new ChannelSums();
  for (let first = 0; first < count; first += BATCH) {
    await yieldPoint();
    const indices = Int32Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => first + i);
    await need(split, indices);
    scope(() => {
      const shown = render(split, { indices, views: null }, renderingFor(network, precision));
      const activations = noGrad(() => network.model.forwardFeatures(shown, [stage])).features.get(stage)!;
      const map = gridOf(network.model.gridStage(stage), activations);
      sums.add(map.toFloat32(), map.shape.at(-1)!);
    });
  }
  return sums.result();
}

/** In double precision. */
class ChannelSums {
  #places = 0;
  #sums = new Float64Array();
  #squares = new Float64Array();

  add(values: Float32Array, channels: number): void {
    if (this.#sums.length === 0) [this.#sums, this.#squares] = [new Float64Array(channels), new Float64Array(channels)];
    for (let at = 0; at < values.length; at += channels) {
      for (let c = 0; c < channels; c++) {
        const value = values[at + c]!;
        this.#sums[c]! += value;
        this.#squares[c]! += value * value;
      }
    }
    this.#places += values.length / channels;
  }

  result(): ChannelStatistics {
    const mean = this.#sums.map((sum) => sum / this.#places);
    const variance = this.#squares.map((square, c) => Math.max(0, square - this.#places * mean[c]! ** 2) / (this.#places - 1));
    return { mean: Float32Array.from(mean), std: Float32Array.from(variance, Math.sqrt) };
  }
}
