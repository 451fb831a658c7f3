import { createHash } from "node:crypto";
import type { Recipe } from "../contract/recipe";
import { usesUnlabelled } from "../contract/recipe-values";
import { joined, rowsIn, rowsOf, type Shown } from "../data/batches";
import { drawMixing } from "../data/cutmix";
import type { Dataset, Split } from "../data/dataset";
import { epochOrder } from "../data/order";
import { drawViews, PLAIN_VIEW, type Sides } from "../data/views";

/**
 * One batch, planned once: which samples in which views, and how they are mixed. Each network renders the plan at its own size and
 * normalisation, so all see the same content. It depends only on (seed, epoch, sample).
 */
export interface BatchPlan extends Shown {
  /** From 1. */
  epoch: number;
}

type PlanSettings = Pick<Recipe, "train" | "augment">;

/**
 * Makes the plans of a run. It goes through the samples in rounds, each in an order and in views of its own; an epoch of as many images as there are
 * samples is one round.
 */
export class Planner {
  #round: { round: number; order: Int32Array; shown: Shown } | null = null;

  /** Over the first `count` images of a split, as many of them in an epoch as the split has. */
  constructor(
    private readonly split: Sides & Pick<Split, "count">,
    private readonly recipe: PlanSettings,
    private readonly count = split.count,
  ) {}

  /** Epochs count from 1, batches within one from 0. */
  plan(epoch: number, batch: number): BatchPlan {
    const { batchSize } = this.recipe.train;
    const begin = batch * batchSize;
    const end = Math.min(begin + batchSize, this.split.count);
    const before = (epoch - 1) * this.split.count;
    return { epoch, ...this.#shown(before + begin, before + end) };
  }

  /** From one position to another, both counted over all rounds. */
  #shown(begin: number, end: number): Shown {
    const parts: Shown[] = [];
    for (let at = begin; at < end; ) {
      const { order, shown } = this.#planRound(Math.floor(at / this.count) + 1);
      const taken = order.subarray(at % this.count, (at % this.count) + end - at);
      parts.push(rowsOf(shown, taken));
      at += taken.length;
    }
    return joined(parts);
  }

  /** From 1. */
  #planRound(round: number) {
    if (this.#round?.round !== round) {
      const { seed, shuffle } = this.recipe.train;
      this.#round = { round, order: epochOrder(this.count, { shuffle, seed, epoch: round }), shown: shownIn(round, this.count, this.split, this.recipe) };
    }
    return this.#round;
  }
}

/** What a round shows of each of the samples 0 ... count - 1: drawn anew, or one of `augment.views` drawings in turn. */
function shownIn(round: number, count: number, sides: Sides, { train: { seed }, augment }: PlanSettings): Shown {
  const { views: inTurn } = augment;
  const drawn = { seed, epoch: inTurn === null ? round : ((round - 1) % inTurn) + 1 };
  const indices = Int32Array.from({ length: count }, (_, sample) => sample);
  const views = drawViews(count, sides, augment, drawn);
  const mixing = drawMixing(count, sides, augment, drawn);
  return mixing ? { indices, views, mix: { ...mixing, views: views && rowsIn(views, count, mixing.partners) } } : { indices, views };
}

/** Of an arm. Where images without labels are left out, the others fill the epoch. */
export function plannerOf(
  recipe: Pick<Recipe, "train" | "augment" | "distillation" | "data">,
  { train, labelled }: Pick<Dataset, "train" | "labelled">,
): Planner {
  return new Planner(train, recipe, usesUnlabelled(recipe) ? undefined : labelled);
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
