import { type RandomKey, randomNormal, randomUniform } from "../tensor/ops/random";
import { empty, scope, type Tensor } from "../tensor/tensor";

export type Key = RandomKey;

/** [count] numbers in 0 ... 1, each of which depends on its position and the key alone. */
export function drawUniforms(count: number, key: Key): Float32Array {
  return drawn(count, (y) => randomUniform(y, { ...key, low: 0, high: 1 }));
}

/** [count] numbers with mean 0 and deviation 1, likewise. */
export function drawNormals(count: number, key: Key): Float32Array {
  return drawn(count, (y) => randomNormal(y, { ...key, mean: 0, std: 1 }));
}

function drawn(count: number, draw: (y: Tensor) => void): Float32Array {
  return scope(() => {
    const y = empty([count]);
    draw(y);
    return y.toFloat32();
  });
}
