import type { TrainSettings } from "../contract/recipe";
import type { Weight } from "../nn/weight";
import { accumulate, clipNorm } from "../tensor/ops/optimizer";
import { full, type Tensor, unscoped } from "../tensor/tensor";
import type { Optimizer } from "./optimizer";
import type { WeightAverage } from "./weight-average";

/** The place of a batch in its group, whose gradients become one step of the optimizer. */
export interface GroupPlace {
  isFirst: boolean;
  isLast: boolean;
  /** Its share of the group's images: the sum of all is 1. */
  share: number;
}

/**
 * What follows a backward pass: the gradients of a group of batches are averaged over its images, clipped by their norm, and become a step of the
 * optimizer, which the average of the weights follows. None of it can be cut short, so a batch counts as a whole or not at all.
 */
export class WeightUpdate {
  /** By parameter: those of the batches of the group so far. Empty where each batch is a group. */
  readonly #sums: ReadonlyMap<string, Tensor>;

  constructor(
    private readonly parameters: ReadonlyMap<string, Weight>,
    private readonly optimizer: Optimizer,
    private readonly average: WeightAverage | null,
    private readonly settings: Pick<TrainSettings, "accumulate" | "clipNorm">,
  ) {
    const summed = settings.accumulate > 1 ? parameters : new Map<string, Weight>();
    this.#sums = unscoped(() => new Map([...summed].map(([name, { shape }]) => [name, full(shape, 0)])));
  }

  /** Takes the gradients of a batch, in the scope in which they live. */
  take({ isFirst, isLast, share }: GroupPlace, learningRate: number): void {
    if (this.#sums.size > 0) this.#add(share, isFirst ? 0 : 1);
    if (!isLast) return;
    // Views in this scope: when it ends, the parameters have no gradients again.
    for (const [name, sum] of this.#sums) this.parameters.get(name)!.grad = sum.reshape(sum.shape);
    if (this.settings.clipNorm !== null) clipNorm(this.#gradients(), this.settings.clipNorm);
    this.optimizer.step(learningRate);
    this.average?.follow();
  }

  /** The sums by parameter: part of a checkpoint, which may lie within a group. */
  sums(): ReadonlyMap<string, Tensor> {
    return this.#sums;
  }

  release(): void {
    for (const sum of this.#sums.values()) sum.release();
  }

  #add(share: number, keep: number): void {
    accumulate([...this.#sums.values()], this.#gradients(), { keep, share });
  }

  #gradients(): Tensor[] {
    return [...this.parameters].map(([name, { grad }]) => {
      if (grad) return grad;
      throw new Error(`${name} has no gradient; call backward on the loss first, in the same scope`);
    });
  }
}
