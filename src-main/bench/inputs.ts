import type { DType } from "../backend/addon";
import type { Precision } from "../contract/recipe";
import { randomNormal } from "../tensor/ops/random";
import { backend, empty, fromArray, type Tensor, unscoped } from "../tensor/tensor";

/** How activations are stored. */
const ACTIVATION: Record<Precision, DType> = { fp32: "f32", bf16: "bf16" };

/** The inputs of a benchmark, made before it is timed. They live until `release`. */
export class Inputs {
  readonly #owned: { release(): void }[] = [];
  #stream = 0;

  constructor(private readonly precision: Precision) {}

  /** Random activations, in the precision of the benchmark. */
  activation(...shape: number[]): Tensor {
    const values = this.values(...shape);
    if (this.precision === "fp32") return values;
    const y = this.activationLike(...shape);
    // bf16 is the upper half of fp32.
    const words = new Uint32Array(values.toFloat32().buffer);
    backend().write(
      y.handle,
      Uint16Array.from(words, (word) => word >>> 16),
    );
    values.release();
    return y;
  }

  /** Uninitialised activations of that shape. */
  activationLike(...shape: number[]): Tensor {
    return this.own(unscoped(() => empty(shape, ACTIVATION[this.precision])));
  }

  /** Random weights, statistics or logits, which are always fp32. */
  values(...shape: number[]): Tensor {
    const y = this.valuesLike(...shape);
    randomNormal(y, { seed: 0, stream: this.#stream++, mean: 0, std: 1 });
    return y;
  }

  valuesLike(...shape: number[]): Tensor {
    return this.own(unscoped(() => empty(shape)));
  }

  zeros(...shape: number[]): Tensor {
    const y = this.valuesLike(...shape);
    backend().fill({ y: y.handle, value: 0 });
    return y;
  }

  /** Whole numbers 0 ... below - 1, all about equally often. */
  whole(count: number, below: number): Tensor {
    return this.own(
      unscoped(() =>
        fromArray(
          Int32Array.from({ length: count }, (_, i) => (i * 7919) % below),
          [count],
        ),
      ),
    );
  }

  /** u8 [count,side,side,3] */
  images(count: number, side: number): Tensor {
    const shape = [count, side, side, 3];
    const bytes = Uint8Array.from({ length: count * side * side * 3 }, (_, i) => (i * 7919) >> 3);
    return this.own(unscoped(() => fromArray(bytes, shape)));
  }

  own<T extends { release(): void }>(thing: T): T {
    this.#owned.push(thing);
    return thing;
  }

  release(): void {
    for (const thing of this.#owned.splice(0)) thing.release();
  }
}
