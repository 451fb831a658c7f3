import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/**
 * f32 [N,G]: where in an image the activations x [N,G,C], f32 or bf16, are large: their squares, summed over the channels, divided by the
 * Euclidean norm of each image's sums. torch.nn.functional.normalize(x.square().sum(-1)).
 */
export function energyMap(x: Tensor): Tensor {
  const [N, G] = x.shape as [number, number, number];
  const y = empty([N, G]);
  const norm = empty([N]);
  backend().energyMapForward({ x: x.handle, y: y.handle, norm: norm.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().energyMapBackward({ x: x.handle, y: y.handle, norm: norm.handle, dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
