import { createHash } from "node:crypto";
import { Weight } from "./weight";

/**
 * Holds weights and other modules in its fields, and computes with them in `forward`. A field's name is the weight's name: weights are
 * called as in timm, `blocks.0.attn.qkv.weight`, because the fields are. Arrays of modules count with their index. Weights live until
 * `release`, whatever scope the module was made in.
 */
export abstract class Module {
  /** Whether batch norm uses the batch (training) or its running averages. Set by `train` and `eval`. */
  training = true;

  /** What is trained, by name, in the order of the fields. */
  parameters(): Map<string, Weight> {
    return this.#weights((weight) => weight.trained);
  }

  /** What is carried along without being trained: running averages. */
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

  /** Gives every weight its initial value. It depends on the seed and the weight's name alone, not on order or on other weights. */
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

  /** Gives the memory of all weights back. The module cannot be used after it. */
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

/** The module and all modules in it, each with the beginning of its weights' names ("" or "blocks.0."). */
function* modules(path: string, module: Module): Generator<[string, Module]> {
  yield [path, module];
  for (const [field, value] of Object.entries(module)) yield* modulesIn(`${path}${field}.`, value);
}

function* modulesIn(path: string, value: unknown): Generator<[string, Module]> {
  if (value instanceof Module) yield* modules(path, value);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* modulesIn(`${path}${i}.`, item);
}

/** A random stream of its own for each name: the first 48 bits of the name's SHA-256. */
function streamOf(name: string): number {
  return createHash("sha256").update(name).digest().readUIntBE(0, 6);
}
