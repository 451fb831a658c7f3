import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** f32 [1]: the mean of all elements of x, f32 or bf16, summed in double precision. torch.mean. */
export function mean(x: Tensor): Tensor {
  const y = empty([1]);
  backend().meanForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().meanBackward({ dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
