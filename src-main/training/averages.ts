import type { Module } from "../nn/module";
import { backend, emptyLike, type Tensor, unscoped } from "../tensor/tensor";

/**
 * The running averages of a network's batch norms, which a forward pass changes before anybody knows whether its batch will count. On a GPU,
 * where no batch is cut short, they are not kept.
 */
export class Averages {
  readonly #kept: [average: Tensor, copy: Tensor][];

  constructor(model: Module) {
    const averages = backend().device() === "cpu" ? [...model.buffers().values()] : [];
    this.#kept = unscoped(() => averages.map((average) => [average, emptyLike(average)]));
  }

  /** Runs `body`. If it throws, the averages get the values back that they had before. */
  keptOnError<R>(body: () => R): R {
    for (const [average, copy] of this.#kept) backend().copy({ from: average.handle, to: copy.handle });
    try {
      return body();
    } catch (error) {
      for (const [average, copy] of this.#kept) backend().copy({ from: copy.handle, to: average.handle });
      throw error;
    }
  }

  release(): void {
    for (const [, copy] of this.#kept) copy.release();
  }
}
