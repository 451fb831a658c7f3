/** Positions of a vision transformer's patches, for images of another size than they were trained at. */

export interface PositionGrids {
  /** Tokens before the patches that have positions too: these stay as they are. */
  placed: number;
  /** Patches along each side, before and after. */
  from: number;
  to: number;
  /** Channels, D. */
  width: number;
}

/**
 * [placed+from*from,D] -> [placed+to*to,D], bicubic, and antialiased when shrinking: timm's resampling of position embeddings, and so
 * torch.nn.functional.interpolate(mode="bicubic", antialias=True).
 */
export function resampledPositions(values: Float32Array, { placed, from, to, width }: PositionGrids): Float32Array {
  const prefix = placed * width;
  const taps = tapsOf(from, to);
  const rows = alongRows(values.subarray(prefix), from * width, taps);
  const grid = new Float32Array(prefix + to * to * width);
  grid.set(values.subarray(0, prefix));
  for (let y = 0; y < to; y++) grid.set(alongRows(rows.subarray(y * from * width, (y + 1) * from * width), width, taps), prefix + y * to * width);
  return grid;
}

/** What makes an element: a run of elements from `first` on, by weights that sum to 1. */
interface Taps {
  first: number;
  weights: readonly number[];
}

/** [N,size] -> [taps.length,size] */
function alongRows(values: Float32Array, size: number, taps: readonly Taps[]): Float32Array {
  const y = new Float32Array(taps.length * size);
  for (const [row, { first, weights }] of taps.entries()) {
    for (let i = 0; i < size; i++) y[row * size + i] = weights.reduce((sum, weight, k) => sum + weight * values[(first + k) * size + i]!, 0);
  }
  return y;
}

/** By the centres of the elements, as with align_corners=False. When shrinking, the filter is as much wider as elements become fewer. */
function tapsOf(from: number, to: number): Taps[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5);
    const first = Math.max(Math.trunc(center - 2 * stretch + 0.5), 0);
    const end = Math.min(Math.trunc(center + 2 * stretch + 0.5), from);
    const weights = Array.from({ length: end - first }, (_, k) => cubic((first + k + 0.5 - center) / stretch));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

/** Keys' cubic convolution with a = -1/2, as PyTorch and Pillow have it where they antialias. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
