import type { DType } from "../../backend/addon";
import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/**
 * y = (x - mean) / sqrt(var + eps) * weight + bias over the last axis of x [...,D], biased variance. torch.nn.functional.layer_norm.
 * y has the type `dtype`, f32 or bf16.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number, dtype: DType = x.dtype): Tensor {
  const y = empty(x.shape, dtype);
  const rows = [x.size / weight.size];
  const mean = empty(rows);
  const rstd = empty(rows);
  backend().layerNormForward({ x: x.handle, weight: weight.handle, bias: bias.handle, y: y.handle, mean: mean.handle, rstd: rstd.handle, eps });

  return record(y, [x, weight, bias], (dy) => {
    const dx = emptyLike(x);
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
