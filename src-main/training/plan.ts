import { createHash } from "node:crypto";
import type { Recipe } from "../contract/recipe";
import { rowsIn, rowsOf, type Shown } from "../data/batches";
import { drawMixing } from "../data/cutmix";
import type { Split } from "../data/dataset";
import { epochOrder } from "../data/order";
import { drawViews, PLAIN_VIEW } from "../data/views";

/**
 * One batch, planned once: which samples in which views, and how they are mixed. Each network renders the plan at its own size and
 * normalisation, so all see the same content. It depends only on (seed, epoch, sample).
 */
export interface BatchPlan extends Shown {
  /** From 1. */
  epoch: number;
}

type PlanSettings = Pick<Recipe, "train" | "augment">;
type Images = Pick<Split, "count" | "H" | "W">;

/** Makes the plans of a run. */
export class Planner {
  #epoch: { epoch: number; order: Int32Array; shown: Shown } | null = null;

  /** Over all images of a split. */
  constructor(
    private readonly split: Images,
    private readonly recipe: PlanSettings,
  ) {}

  /** Epochs count from 1, batches within one from 0. */
  plan(epoch: number, batch: number): BatchPlan {
    const { batchSize } = this.recipe.train;
    const { order, shown } = this.#planEpoch(epoch);
    return { epoch, ...rowsOf(shown, order.subarray(batch * batchSize, (batch + 1) * batchSize)) };
  }

  #planEpoch(epoch: number) {
    if (this.#epoch?.epoch !== epoch) {
      const { seed, shuffle } = this.recipe.train;
      this.#epoch = { epoch, order: epochOrder(this.split.count, { shuffle, seed, epoch }), shown: shownIn(epoch, this.split, this.recipe) };
    }
    return this.#epoch;
  }
}

/** What an epoch shows of each sample: drawn anew, or one of `augment.views` drawings in turn. */
function shownIn(epoch: number, images: Images, { train: { seed }, augment }: PlanSettings): Shown {
  const { count } = images;
  const { views: inTurn } = augment;
  const drawn = { seed, epoch: inTurn === null ? epoch : ((epoch - 1) % inTurn) + 1 };
  const indices = Int32Array.from({ length: count }, (_, sample) => sample);
  const views = drawViews(count, images, augment, drawn);
  const mixing = drawMixing(count, images, augment, drawn);
  return mixing ? { indices, views, mix: { ...mixing, views: views && rowsIn(views, count, mixing.partners) } } : { indices, views };
}

/** Limit of a crop in pixels: one more than its largest offset. */
const CROP_LIMIT = 128;

/** Equal for the same picture alone, whatever the network and its size. */
export type ViewKey = number | string;

/** [N]: a key for each image in its view, or for the mixture that it is shown in. */
export function viewKeys({ indices, views, mix }: Shown): ViewKey[] {
  const keys = unmixedKeys(indices, views);
  if (!mix) return keys;
  const partners = unmixedKeys(mix.partners, mix.views);
  // Not a template: its string would keep its parts too.
  return keys.map((view, n) => [view, partners[n], mix.shares[n], ...(mix.boxes ? rowsIn(mix.boxes, indices.length, [n]) : [])].join(" "));
}

/** A key for each sample in its view alone: a number if the view is plain. */
function unmixedKeys(samples: Int32Array, views: Int32Array | null): ViewKey[] {
  const isPlain = !views || views.length === PLAIN_VIEW * samples.length;
  return isPlain ? viewNumbers(samples, views) : Array.from(samples, (sample, n) => [sample, ...rowsIn(views, samples.length, [n])].join(" "));
}

/** A number for each sample in its plain view. */
function viewNumbers(indices: Int32Array, views: Int32Array | null): number[] {
  return Array.from(indices, (sample, n) => {
    const [top, left, flip] = views ? (views.subarray(3 * n, 3 * n + 3) as unknown as [number, number, number]) : [0, 0, 0];
    return ((sample * 2 * CROP_LIMIT + top + CROP_LIMIT) * 2 * CROP_LIMIT + left + CROP_LIMIT) * 2 + flip;
  });
}

/** 16 hexadecimal digits. */
export function hashPlan({ indices, views, mix }: BatchPlan): string {
  const hash = createHash("sha256").update(indices);
  if (views) hash.update(views);
  if (mix) for (const part of ["mix", mix.partners, mix.views ?? "", mix.shares, mix.boxes ?? ""]) hash.update(part);
  return hash.digest("hex").slice(0, 16);
}
