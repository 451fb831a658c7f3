import { createModel } from "../models/registry";
import { accumulate } from "../tensor/ops/optimizer";
import { backend, type Tensor } from "../tensor/tensor";
import type { Network } from "./network";

/**
 * Exponential moving average of a student's weights and running averages: after each step of the optimizer, average = decay * average + (1 - decay) *
 * weights, from the initial weights on. timm.utils.ModelEmaV2.
 */
export class WeightAverage {
  /** In evaluation mode. */
  readonly network: Network;

  constructor(
    private readonly student: Network,
    private readonly decay: number,
  ) {
    const { model, normalization } = student;
    const average = createModel(model.name, { classes: model.classes, ...model.sizes, seed: null });
    average.eval().requiresGrad(false);
    this.network = { model: average, normalization };
    for (const [own, weight] of this.#pairs()) backend().copy({ from: weight.handle, to: own.handle });
  }

  follow(): void {
    const pairs = this.#pairs();
    const options = { keep: this.decay, share: 1 - this.decay };
    accumulate(
      pairs.map(([own]) => own),
      pairs.map(([, weight]) => weight),
      options,
    );
  }

  /** By name. */
  weights(): ReadonlyMap<string, Tensor> {
    return this.network.model.weights();
  }

  release(): void {
    this.network.model.release();
  }

  #pairs(): (readonly [own: Tensor, weight: Tensor])[] {
    const weights = this.student.model.weights();
    return [...this.weights()].map(([name, own]) => [own, weights.get(name)!] as const);
  }
}
