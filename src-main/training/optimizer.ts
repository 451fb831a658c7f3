import type { TrainSettings } from "../contract/recipe";
import type { Weight } from "../nn/weight";
import { type AdamWParameter, adamw, type SgdParameter, sgd } from "../tensor/ops/optimizer";
import { allOrNone, full, type Tensor, unscoped } from "../tensor/tensor";

export type OptimizerSettings = Pick<TrainSettings, "optimizer" | "weightDecay" | "decay" | "momentum" | "nesterov">;

/** AdamW or SGD over all parameters of a model. Its state lives until `release`. */
export abstract class Optimizer {
  /** Steps taken so far. */
  steps = 0;

  /** One update from the parameters' gradients. */
  step(learningRate: number): void {
    this.steps++;
    this.update(learningRate);
  }

  /** The moments by parameter, `first.<parameter>` and `second.<parameter>`: together with `steps`, all that resuming needs. */
  abstract moments(): Map<string, Tensor>;

  release(): void {
    for (const moment of this.moments().values()) moment.release();
  }

  protected abstract update(learningRate: number): void;
}

export function createOptimizer(parameters: ReadonlyMap<string, Weight>, settings: OptimizerSettings): Optimizer {
  return allOrNone(() => (settings.optimizer === "adamw" ? new AdamW(parameters, settings) : new Sgd(parameters, settings)));
}

class AdamW extends Optimizer {
  readonly #state: Map<string, AdamWParameter>;

  constructor(
    parameters: ReadonlyMap<string, Weight>,
    readonly settings: OptimizerSettings,
  ) {
    super();
    this.#state = mapValues(parameters, (value) => ({ value, decay: decays(value, settings), first: zeros(value), second: zeros(value) }));
  }

  protected override update(learningRate: number): void {
    adamw([...this.#state.values()], { step: this.steps, learningRate, weightDecay: this.settings.weightDecay });
  }

  override moments(): Map<string, Tensor> {
    return new Map([...this.#state].flatMap(([name, { first, second }]) => [[`first.${name}`, first] as const, [`second.${name}`, second] as const]));
  }
}

class Sgd extends Optimizer {
  readonly #state: Map<string, SgdParameter>;

  constructor(
    parameters: ReadonlyMap<string, Weight>,
    readonly settings: OptimizerSettings,
  ) {
    super();
    this.#state = mapValues(parameters, (value) => ({ value, decay: decays(value, settings), first: zeros(value) }));
  }

  protected override update(learningRate: number): void {
    const { weightDecay, momentum, nesterov } = this.settings;
    sgd([...this.#state.values()], { step: this.steps, learningRate, weightDecay, momentum, nesterov });
  }

  override moments(): Map<string, Tensor> {
    return new Map([...this.#state].map(([name, { first }]) => [`first.${name}`, first] as const));
  }
}

/** Which parameters decay. `matrices` is timm's rule: no biases and norms (one dimension), and none that the model excludes (positions, tokens). */
function decays({ shape, undecayed }: Weight, { decay }: OptimizerSettings): boolean {
  return decay === "all" || (shape.length > 1 && !undecayed);
}

function zeros({ shape }: Tensor): Tensor {
  return unscoped(() => full(shape, 0));
}

function mapValues<V, R>(map: ReadonlyMap<string, V>, transform: (value: V) => R): Map<string, R> {
  return new Map([...map].map(([key, value]) => [key, transform(value)]));
}
