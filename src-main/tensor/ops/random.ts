import { backend, empty, type Tensor } from "../tensor";

/** Selects random numbers: a seed (0 ... 2^53 - 1) and one of its independent streams. The same key gives bitwise equal numbers everywhere. */
export interface RandomKey {
  seed: number;
  stream: number;
}

/** Overwrites y with normal random numbers. */
export function randomNormal(y: Tensor, { seed, stream, mean, std }: RandomKey & { mean: number; std: number }): void {
  backend().randomNormal({ y: y.handle, seed, stream, mean, std });
}

/** Overwrites y with random numbers in [low, high). */
export function randomUniform(y: Tensor, { seed, stream, low, high }: RandomKey & { low: number; high: number }): void {
  backend().randomUniform({ y: y.handle, seed, stream, low, high });
}

/** The numbers 0 ... size - 1 in random order, i32. */
export function randomPermutation(size: number, { seed, stream }: RandomKey): Tensor {
  const y = empty([size], "i32");
  backend().randomPermutation({ y: y.handle, seed, stream });
  return y;
}
