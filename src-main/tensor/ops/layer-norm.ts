import { backend, empty, record, type Tensor } from "../tensor";

/** y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis of x [...,D], biased variance. torch.nn.functional.layer_norm. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  const y = empty(x.shape);
  const rows = [x.size / weight.size];
  const mean = empty(rows);
  const rstd = empty(rows);
  backend().layerNormForward({ x: x.handle, weight: weight.handle, bias: bias.handle, y: y.handle, mean: mean.handle, rstd: rstd.handle, eps });

  return record(y, [x, weight, bias], (dy) => {
    const dx = empty(x.shape);
    const dweight = empty(weight.shape);
    const dbias = empty(bias.shape);
    backend().layerNormBackward({
      x: x.handle,
      dy: dy.handle,
      weight: weight.handle,
      mean: mean.handle,
      rstd: rstd.handle,
      dx: dx.handle,
      dweight: dweight.handle,
      dbias: dbias.handle,
    });
    return [dx, dweight, dbias];
  });
}
