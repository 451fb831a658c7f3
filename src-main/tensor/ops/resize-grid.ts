import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/**
 * y [N,S,S,C] from x [N,H,W,C], f32 or bf16; S is `side`. Each axis is resized independently: if S is at most the extent, by means over
 * adaptive windows (torch.nn.functional.adaptive_avg_pool2d), otherwise by linear interpolation
 * (torch.nn.functional.interpolate(mode="bilinear", align_corners=False)).
 */
export function resizeGrid(x: Tensor, side: number): Tensor {
  const [N, , , C] = x.shape as [number, number, number, number];
  const y = empty([N, side, side, C], x.dtype);
  backend().resizeGridForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().resizeGridBackward({ dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
