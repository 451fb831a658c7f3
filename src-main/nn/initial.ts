import { type RandomKey, randomNormal, randomUniform } from "../tensor/ops/random";
import { backend, type Tensor } from "../tensor/tensor";

/** Writes the initial value of a weight. */
export type Initial = (y: Tensor, key: RandomKey) => void;

export const zeros: Initial = constant(0);
export const ones: Initial = constant(1);

export function constant(value: number): Initial {
  return (y) => backend().fill({ y: y.handle, value });
}

/** Mean 0. */
export function normal(std: number): Initial {
  return (y, key) => randomNormal(y, { ...key, mean: 0, std });
}

/** Between -bound and bound. */
export function uniform(bound: number): Initial {
  return (y, key) => randomUniform(y, { ...key, low: -bound, high: bound });
}
