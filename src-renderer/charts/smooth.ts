/**
 * Exponential moving average without the bias of its start, so that the first values are not pulled towards zero. Returns as many values
 * as it takes; a constant stays as it is. A null stays null and leaves the average as it was. `weight`: share of the past, 0 ... 1.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let average = 0;
  let known = 0;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    known = weight * known + (1 - weight);
    return average / known;
  });
}

/**
 * The batch up to which a chart reaches while it follows a run: one epoch ahead of what is there, at least two epochs, never beyond the
 * end of the run. So the curve grows to the right and the axis seldom moves.
 */
export function horizon(batches: number, perEpoch: number, epochs: number): number {
  const total = perEpoch * epochs;
  const wholeEpochs = Math.ceil((Math.max(batches, 1) * 1.3) / perEpoch) * perEpoch;
  return Math.min(total, Math.max(wholeEpochs, Math.min(total, perEpoch * 2)));
}
