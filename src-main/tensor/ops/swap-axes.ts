import { backend, empty, record, type Tensor } from "../tensor";

/** y [P,N,C] = x [N,P,C], f32 or bf16. numpy.swapaxes(x, 0, 1). */
export function swapAxes(x: Tensor): Tensor {
  return record(swapped(x), [x], (dy) => [swapped(dy)]);
}

function swapped(x: Tensor): Tensor {
  const [N, P, C] = x.shape as [number, number, number];
  const y = empty([P, N, C], x.dtype);
  backend().swapAxes({ x: x.handle, y: y.handle });
  return y;
}
