import { type Axis, type Sample, sampleOf } from "../contract/search-space";
import { drawUniforms } from "../data/draws";
import { streamOf } from "../nn/module";

/** What trial number `trial` of a search sets. It depends on the seed, its number and the keys alone, however many trials there are. */
export function drawTrial(axes: readonly Axis[], seed: number, trial: number): Sample {
  return sampleOf(axes, (key) => drawUniforms(1, { seed, stream: streamOf(`search/${trial}/${key}`) })[0]!);
}
