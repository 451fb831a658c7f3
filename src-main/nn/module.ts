import { createHash } from "node:crypto";
import { Weight } from "./weight";

/**
 * Holds weights and other modules in its fields, and computes with them in `forward`. Weights are named after their fields. They have timm's
 * names, such as `blocks.0.attn.qkv.weight`, because the fields do. Modules in arrays are named by their index. Weights live until
 * `release`, whatever scope the module was created in.
 */
export abstract class Module {
  /** Whether batch norm uses the batch (training) or its running averages. Set by `train` and `eval`. */
  training = true;

  /** The trained weights by name, in the order of the fields. */
  parameters(): Map<string, Weight> {
    return this.#weights((weight) => weight.trained);
  }

  /** The weights that are stored but not trained: running averages. */
  buffers(): Map<string, Weight> {
    return this.#weights((weight) => !weight.trained);
  }

  /** Parameters and buffers. */
  weights(): Map<string, Weight> {
    return this.#weights(() => true);
  }

  /** Number of trained values. */
  parameterCount(): number {
    return [...this.parameters().values()].reduce((sum, weight) => sum + weight.size, 0);
  }

  /** Gives every weight its initial value, which depends only on the seed and the weight's name, not on order or other weights. */
  initialize(seed: number): void {
    for (const [name, weight] of this.weights()) weight.initial(weight, { seed, stream: streamOf(name) });
  }

  train(): this {
    return this.#setTraining(true);
  }

  eval(): this {
    return this.#setTraining(false);
  }

  /** Whether gradients are computed for the parameters. */
  requiresGrad(wanted: boolean): this {
    for (const parameter of this.parameters().values()) parameter.requiresGrad = wanted;
    return this;
  }

  /** Releases the memory of all weights. The module cannot be used afterwards. */
  release(): void {
    for (const weight of this.weights().values()) weight.release();
  }

  #setTraining(training: boolean): this {
    for (const [, module] of modules("", this)) module.training = training;
    return this;
  }

  #weights(wanted: (weight: Weight) => boolean): Map<string, Weight> {
    const found = new Map<string, Weight>();
    for (const [path, module] of modules("", this)) {
      for (const [field, value] of Object.entries(module)) if (value instanceof Weight && wanted(value)) found.set(path + field, value);
    }
    return found;
  }
}

/** The module and all modules in it, each with the prefix of its weights' names ("" or "blocks.0."). */
function* modules(path: string, module: Module): Generator<[string, Module]> {
  yield [path, module];
  for (const [field, value] of Object.entries(module)) yield* modulesIn(`${path}${field}.`, value);
}

function* modulesIn(path: string, value: unknown): Generator<[string, Module]> {
  if (value instanceof Module) yield* modules(path, value);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* modulesIn(`${path}${i}.`, item);
}

/** Each name has a random stream of its own: the first 48 bits of the name's SHA-256. */
export function streamOf(name: string): number {
  return createHash("sha256").update(name).digest().readUIntBE(0, 6);
}
