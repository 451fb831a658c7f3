/**
 * Exponential moving average with the start's bias taken out, so that the first values are not pulled towards zero. Takes and gives
 * as many values; a constant comes out as it went in. `weight`: share of the past, 0 ... 1.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let average = 0;
  let known = 0;
  return values.map((value) => {
    average = weight * average + (1 - weight) * value;
    known = weight * known + (1 - weight);
    return average / known;
  });
}

/**
 * Up to which batch a chart reaches while it follows a run: one epoch ahead of what is there, at least half of a short run, never
 * beyond its end. So the curve grows to the right and the axis moves seldom.
 */
export function horizon(batches: number, perEpoch: number, epochs: number): number {
  const total = perEpoch * epochs;
  const wholeEpochs = Math.ceil((Math.max(batches, 1) * 1.3) / perEpoch) * perEpoch;
  return Math.min(total, Math.max(wholeEpochs, Math.min(total, perEpoch * 2)));
}
