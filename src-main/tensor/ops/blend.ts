import { backend, emptyLike, type Tensor } from "../tensor";

/**
 * y [N,H,W,C] = shares[n] a[n] + (1 - shares[n]) b[n]: image by image, each in its own share [N]; a and b are stored alike. It has no gradient.
 * torch.lerp of b and a.
 */
export function blend(a: Tensor, b: Tensor, shares: Tensor): Tensor {
  const y = emptyLike(a);
  backend().blend({ a: a.handle, b: b.handle, shares: shares.handle, y: y.handle });
  return y;
}
