import { createHash } from "node:crypto";
import type { Recipe } from "../contract/recipe";
import type { Shown } from "../data/batches";
import { epochOrder } from "../data/order";
import { sampleViews } from "../tensor/ops/assemble-batch";
import { scope } from "../tensor/tensor";

/**
 * One batch, planned once: which samples, and the view of each. Every network renders the plan at its own size and normalisation, so all see
 * the same content. A view depends only on (seed, epoch, sample).
 */
export interface BatchPlan extends Shown {
  /** From 1. */
  epoch: number;
}

type PlanSettings = Pick<Recipe, "train" | "augment">;

/** Makes the plans of a run. */
export class Planner {
  #epoch: { epoch: number; order: Int32Array; views: Int32Array | null } | null = null;

  /** Over `count` training images. */
  constructor(
    private readonly count: number,
    private readonly recipe: PlanSettings,
  ) {}

  /** Epochs count from 1, batches within one from 0. */
  plan(epoch: number, batch: number): BatchPlan {
    const { batchSize } = this.recipe.train;
    const { order, views } = this.#planEpoch(epoch);
    const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
    return { epoch, indices, views: views && rowsOf(views, indices) };
  }

  #planEpoch(epoch: number) {
    if (this.#epoch?.epoch !== epoch) {
      const { seed, shuffle } = this.recipe.train;
      this.#epoch = { epoch, order: epochOrder(this.count, { shuffle, seed, epoch }), views: viewsIn(epoch, this.count, this.recipe) };
    }
    return this.#epoch;
  }
}

/** [count,3]: each sample's view in an epoch, a new one or the next of `augment.views`. Null without augmentation. */
function viewsIn(epoch: number, count: number, { train: { seed }, augment: { crop, flip, views } }: PlanSettings): Int32Array | null {
  if (crop === 0 && !flip) return null;
  const drawn = views === null ? epoch : ((epoch - 1) % views) + 1;
  return scope(() => sampleViews(count, { crop, flip, seed, epoch: drawn }).toInt32());
}

/** Selects rows [N,3] of views [count,3]. */
function rowsOf(views: Int32Array, indices: Int32Array): Int32Array {
  const rows = new Int32Array(3 * indices.length);
  for (const [n, index] of indices.entries()) rows.set(views.subarray(3 * index, 3 * index + 3), 3 * n);
  return rows;
}

/** Limit of a crop in pixels: one more than its largest offset. */
const CROP_LIMIT = 128;

/** [N]: a number for each sample in its view; equal only for the same crop and flip of the same sample, whatever the network and its size. */
export function viewNumbers({ indices, views }: Shown): Float64Array {
  return Float64Array.from(indices, (sample, n) => {
    const [top, left, flip] = views ? (views.subarray(3 * n, 3 * n + 3) as unknown as [number, number, number]) : [0, 0, 0];
    return ((sample * 2 * CROP_LIMIT + top + CROP_LIMIT) * 2 * CROP_LIMIT + left + CROP_LIMIT) * 2 + flip;
  });
}

/** 16 hexadecimal digits. */
export function hashPlan({ indices, views }: BatchPlan): string {
  const hash = createHash("sha256").update(indices);
  if (views) hash.update(views);
  return hash.digest("hex").slice(0, 16);
}
