import { createHash } from "node:crypto";
import type { Recipe } from "../contract/recipe";
import { rowsOf, type Shown, viewsOf } from "../data/batches";
import { drawMixup } from "../data/mixup";
import { epochOrder } from "../data/order";
import { sampleViews } from "../tensor/ops/assemble-batch";
import { scope } from "../tensor/tensor";

/**
 * One batch, planned once: which samples in which views, and how they are mixed. Each network renders the plan at its own size and
 * normalisation, so all see the same content. It depends only on (seed, epoch, sample).
 */
export interface BatchPlan extends Shown {
  /** From 1. */
  epoch: number;
}

type PlanSettings = Pick<Recipe, "train" | "augment">;

/** Makes the plans of a run. */
export class Planner {
  #epoch: { epoch: number; order: Int32Array; shown: Shown } | null = null;

  /** Over `count` training images. */
  constructor(
    private readonly count: number,
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
      this.#epoch = { epoch, order: epochOrder(this.count, { shuffle, seed, epoch }), shown: shownIn(epoch, this.count, this.recipe) };
    }
    return this.#epoch;
  }
}

/** What an epoch shows of each of the samples 0 ... count - 1: drawn anew, or one of `augment.views` drawings in turn. */
function shownIn(epoch: number, count: number, { train: { seed }, augment }: PlanSettings): Shown {
  const { crop, flip, mixup, views: inTurn } = augment;
  const drawn = { seed, epoch: inTurn === null ? epoch : ((epoch - 1) % inTurn) + 1 };
  const indices = Int32Array.from({ length: count }, (_, sample) => sample);
  const views = crop === 0 && !flip ? null : scope(() => sampleViews(count, { crop, flip, ...drawn }).toInt32());
  if (mixup === 0) return { indices, views };
  const { partners, shares } = drawMixup(count, { alpha: mixup, ...drawn });
  return { indices, views, mix: { partners, views: viewsOf(views, partners), shares } };
}

/** Limit of a crop in pixels: one more than its largest offset. */
const CROP_LIMIT = 128;

/** Equal for the same picture alone, whatever the network and its size. */
export type ViewKey = number | string;

/** [N]: a key for each image in its view, or for the mixture that it is shown in. */
export function viewKeys({ indices, views, mix }: Shown): ViewKey[] {
  const numbers = viewNumbers(indices, views);
  if (!mix) return numbers;
  const partners = viewNumbers(mix.partners, mix.views);
  // Not a template: its string would keep its parts too.
  return numbers.map((view, n) => [view, partners[n], mix.shares[n]].join(" "));
}

/** A number for each sample in its view. */
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
  if (mix) for (const part of ["mix", mix.partners, mix.views ?? "", mix.shares]) hash.update(part);
  return hash.digest("hex").slice(0, 16);
}
