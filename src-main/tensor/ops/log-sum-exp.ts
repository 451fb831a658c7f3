import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/** y [M,1] = log of the sum of exp(x) over each row of x [M,K]; f32, safe for logits up to 1e5 in size. torch.logsumexp(x, -1, keepdim=True). */
export function logSumExp(x: Tensor): Tensor {
  const y = empty([...x.shape.slice(0, -1), 1]);
  backend().logSumExpForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().logSumExpBackward({ x: x.handle, dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
