import { backend, emptyLike, type Tensor } from "../tensor";

/**
 * y [N,H,W,C] = shares[n] a[n] + (1 - shares[n]) b[n]: image by image, each in its own share [N]; a and b are stored alike. Given boxes (i32 [N,4], top,
 * left, height and width in pixels), each does so only within its box, and is a around it. It has no gradient. torch.lerp of b and a.
 */
export function blend(a: Tensor, b: Tensor, shares: Tensor, boxes: Tensor | null = null): Tensor {
  const y = emptyLike(a);
  backend().blend({ a: a.handle, b: b.handle, shares: shares.handle, boxes: boxes?.handle, y: y.handle });
  return y;
}
