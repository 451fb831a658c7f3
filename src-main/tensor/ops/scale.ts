import { backend, emptyLike, record, type Tensor } from "../tensor";

/**
 * y = x * factor * by, elementwise, f32: `factor` is a number, `by` a tensor [1] (null: 1). The gradient flows only to x; `by` is treated as
 * a constant.
 */
export function scale(x: Tensor, factor: number, by: Tensor | null = null): Tensor {
  return record(scaled(x, factor, by), [x], (dy) => [scaled(dy, factor, by)]);
}

function scaled(x: Tensor, factor: number, by: Tensor | null): Tensor {
  const y = emptyLike(x);
  backend().scale({ x: x.handle, by: by?.handle, y: y.handle, factor });
  return y;
}
