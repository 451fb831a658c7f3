import { sampleViews } from "../tensor/ops/assemble-batch";
import { scope } from "../tensor/tensor";
import type { Split } from "./dataset";
import { drawUniforms, type Key } from "./draws";

/** Columns of a plain view (top, left, flip), and of one with a crop's height and width, then top, left, height and width of what is erased in it. */
export const PLAIN_VIEW = 3;
export const WHOLE_VIEW = 9;

export interface ViewSettings {
  /** Zero padding in pixels before a random crop back to the image's size; 0: none. */
  crop: number;
  flip: boolean;
  /** The smallest share of the image in a random resized crop; 0: none. */
  resizedCrop: number;
  /** Probability of random erasing. */
  erase: number;
}

/** Sides of stored images in pixels. */
export type Sides = Pick<Split, "H" | "W">;

// Ranges of streams of their own: see data/mixup.ts.
const FIRST_STREAM = 2 ** 51;
const STREAMS_PER_EPOCH = 2 ** 10;
const ERASING = 2 ** 9;

/**
 * A random view of each of the samples 0 ... count - 1: [count,3] rows of top, left and flip, as `sampleViews` makes them, or, with a resized crop or
 * erasing, [count,9]; null: as stored. A view depends on (seed, epoch, sample) alone.
 */
export function drawViews(count: number, sides: Sides, settings: ViewSettings, { seed, epoch }: { seed: number; epoch: number }): Int32Array | null {
  const { crop, flip, resizedCrop, erase } = settings;
  const isPlain = resizedCrop === 0 && erase === 0;
  if (crop === 0 && !flip && isPlain) return null;
  const plain = scope(() => sampleViews(count, { crop, flip, seed, epoch }).toInt32());
  if (isPlain) return plain;
  const key = { seed, stream: FIRST_STREAM + epoch * STREAMS_PER_EPOCH };
  const crops = resizedCrop > 0 ? drawResizedCrops(count, sides, resizedCrop, key) : null;
  const views = new Int32Array(count * WHOLE_VIEW);
  for (let n = 0; n < count; n++) {
    const [top, left, height, width] = crops ? crops.subarray(4 * n, 4 * n + 4) : [plain[3 * n]!, plain[3 * n + 1]!, sides.H, sides.W];
    views.set([top!, left!, plain[3 * n + 2]!, height!, width!], n * WHOLE_VIEW);
  }
  if (erase > 0) drawErased(views, erase, { ...key, stream: key.stream + ERASING });
  return views;
}

// ---- Rectangles -------------------------------------------------------------------------------------------------------------------

/** As torchvision draws a rectangle: a few attempts at a share of the area and a ratio of the sides. */
const MOST_ATTEMPTS = 10;

/** Of torchvision's RandomResizedCrop: width / height. */
const CROP_RATIO: [number, number] = [3 / 4, 4 / 3];
/** Of torchvision's RandomErasing: the erased share of the area, and height / width. */
const ERASED_SHARE: [number, number] = [0.02, 0.33];
const ERASED_RATIO: [number, number] = [0.3, 3.3];

/** One attempt from two numbers in 0 ... 1: the sides of a rectangle, in pixels. The ratio is that of the first to the second. */
export function attempt(area: number, share: [number, number], ratio: [number, number], u: number, v: number): [first: number, second: number] {
  const target = area * (share[0] + u * (share[1] - share[0]));
  const of = Math.exp(Math.log(ratio[0]) + v * (Math.log(ratio[1]) - Math.log(ratio[0])));
  return [Math.round(Math.sqrt(target * of)), Math.round(Math.sqrt(target / of))];
}

/** torchvision's fallback after ten attempts: the whole image, cut to the nearest ratio, in its middle. */
export function centralCrop({ H, W }: Sides): [top: number, left: number, height: number, width: number] {
  const [least, most] = CROP_RATIO;
  const height = W / H < least ? Math.round(W / least) : H;
  const width = W / H > most ? Math.round(H * most) : W;
  return [Math.floor((H - height) / 2), Math.floor((W - width) / 2), height, width];
}

/** [count,4]: top, left, height and width. torchvision.transforms.RandomResizedCrop with scale (least, 1) and ratio 3/4 ... 4/3. */
function drawResizedCrops(count: number, { H, W }: Sides, least: number, key: Key): Int32Array {
  const crops = new Int32Array(4 * count);
  for (let n = 0; n < count; n++) crops.set(centralCrop({ H, W }), 4 * n);
  const fits = ([width, height]: [number, number]) => width > 0 && width <= W && height > 0 && height <= H;
  const draw = (_: number, u: number, v: number) => attempt(H * W, [least, 1], CROP_RATIO, u, v);
  drawRectangles(count, draw, fits, key, (n, [width, height], u, v) => {
    crops.set([Math.floor(u * (H - height + 1)), Math.floor(v * (W - width + 1)), height, width], 4 * n);
  });
  return crops;
}

/** Erases a rectangle in so many of the views; in none where no attempt fits. torchvision.transforms.RandomErasing(p, (0.02, 0.33), (0.3, 3.3), value 0). */
function drawErased(views: Int32Array, probability: number, key: Key): void {
  const count = views.length / WHOLE_VIEW;
  const chosen = drawUniforms(count, key);
  const sides = (n: number) => [views[n * WHOLE_VIEW + 3]!, views[n * WHOLE_VIEW + 4]!] as const;
  const fits = ([height, width]: [number, number], n: number) => height < sides(n)[0] && width < sides(n)[1];
  const draw = (n: number, u: number, v: number) => attempt(sides(n)[0] * sides(n)[1], ERASED_SHARE, ERASED_RATIO, u, v);
  drawRectangles(count, draw, fits, { ...key, stream: key.stream + 1 }, (n, [height, width], u, v) => {
    const [H, W] = sides(n);
    if (chosen[n]! < probability) views.set([Math.floor(u * (H - height + 1)), Math.floor(v * (W - width + 1)), height, width], n * WHOLE_VIEW + 5);
  });
}

/** Places the first attempt of each sample that fits, with two numbers in 0 ... 1 for its place. Takes the key's stream and the 21 after it. */
function drawRectangles(
  count: number,
  draw: (n: number, u: number, v: number) => [number, number],
  fits: (sides: [number, number], n: number) => boolean,
  { seed, stream }: Key,
  place: (n: number, sides: [number, number], u: number, v: number) => void,
): void {
  const uniforms = (offset: number) => drawUniforms(count, { seed, stream: stream + offset });
  const [tops, lefts] = [uniforms(0), uniforms(1)];
  let waiting = Array.from({ length: count }, (_, n) => n);
  for (let i = 0; i < MOST_ATTEMPTS && waiting.length > 0; i++) {
    const [shares, ratios] = [uniforms(2 + 2 * i), uniforms(3 + 2 * i)];
    waiting = waiting.filter((n) => {
      const sides = draw(n, shares[n]!, ratios[n]!);
      if (!fits(sides, n)) return true;
      place(n, sides, tops[n]!, lefts[n]!);
      return false;
    });
  }
}
