import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/**
 * f32 [1]: the mean of (x - target)^2 over all elements, or of x^2 if target is null. x and target have equal shapes and are each f32 or bf16;
 * summed in double precision. The gradient flows only to x: a target is data, such as a teacher's features. torch.nn.functional.mse_loss.
 */
export function meanSquare(x: Tensor, target: Tensor | null): Tensor {
  const y = empty([1]);
  backend().meanSquareForward({ x: x.handle, target: target?.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().meanSquareBackward({ x: x.handle, target: target?.handle, dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
