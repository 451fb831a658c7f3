import { drawUniforms } from "./draws";
import { drawBeta, drawMixup, drawPartners, type Mixup } from "./mixup";
import type { Sides } from "./views";

/** With what each of the samples 0 ... count - 1 is mixed, and how. */
export interface Mixing extends Mixup {
  /** [count,4], top, left, height and width of the part of an image, H x W pixels, that its partner covers; all 0 where the two are blended. Null: all are. */
  boxes: Int32Array | null;
}

/** Alphas of the Beta distributions that shares are drawn from; 0: off. */
export interface MixSettings {
  mixup: number;
  cutmix: number;
}

// After the streams of mixup, in the same epoch's range.
const FIRST_STREAM = 2 ** 50 + 2 ** 8;
const STREAMS_PER_EPOCH = 2 ** 10;
const PLACES = 2 ** 6;

/**
 * Mixup, CutMix or, image by image and with equal odds, either, as timm's Mixup in its mode "elem" (`switch_prob` 0.5). Partners are drawn as for
 * mixup. Null: nothing is mixed.
 */
export function drawMixing(count: number, sides: Sides, { mixup, cutmix }: MixSettings, drawn: { seed: number; epoch: number }): Mixing | null {
  if (mixup === 0 && cutmix === 0) return null;
  const blended = mixup > 0 ? drawMixup(count, { alpha: mixup, ...drawn }) : { partners: drawPartners(count, drawn), shares: new Float32Array(count) };
  return cutmix === 0 ? { ...blended, boxes: null } : withBoxes(blended, sides, { cutmix, blends: mixup > 0 }, drawn);
}

/** Gives all of the samples, or half of them where others are blended, a box and the share that it leaves. */
function withBoxes(
  { partners, shares }: Mixup,
  sides: Sides,
  { cutmix, blends }: { cutmix: number; blends: boolean },
  { seed, epoch }: { seed: number; epoch: number },
): Mixing {
  const count = shares.length;
  const stream = FIRST_STREAM + epoch * STREAMS_PER_EPOCH;
  const wanted = drawBeta(count, cutmix, { seed, stream });
  const [ys, xs, odds] = [0, 1, 2].map((i) => drawUniforms(count, { seed, stream: stream + PLACES + i })) as [Float32Array, Float32Array, Float32Array];
  const boxes = new Int32Array(4 * count);
  for (let n = 0; n < count; n++) {
    if (blends && odds[n]! < 0.5) continue;
    const box = cutBox(sides, wanted[n]!, ys[n]!, xs[n]!);
    boxes.set(box, 4 * n);
    shares[n] = 1 - (box[2] * box[3]) / (sides.H * sides.W);
  }
  return { partners, shares, boxes };
}

/**
 * CutMix (Yun et al. 2019): a part of the image of 1 - share of its area, around a place drawn uniformly from it, cut off at the border. `u` and `v`
 * in 0 ... 1 determine the place. timm.data.mixup.rand_bbox; the share of the labels is what the box really leaves (`correct_lam`).
 */
export function cutBox({ H, W }: Sides, share: number, u: number, v: number): [top: number, left: number, height: number, width: number] {
  const ratio = Math.sqrt(1 - share);
  const along = (side: number, at: number) => {
    const half = Math.floor(Math.floor(side * ratio) / 2);
    const centre = Math.floor(at * side);
    const begin = Math.max(0, centre - half);
    return [begin, Math.min(side, centre + half) - begin] as const;
  };
  const [top, height] = along(H, u);
  const [left, width] = along(W, v);
  return [top, left, height, width];
}
