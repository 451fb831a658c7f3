import { backend, emptyLike, record, type Tensor } from "../tensor";

/** max(x, 0), elementwise; f32 or bf16. torch.nn.functional.relu. */
export function relu(x: Tensor): Tensor {
  const y = emptyLike(x);
  backend().reluForward({ x: x.handle, y: y.handle });

  return record(y, [x], (dy) => {
    const dx = emptyLike(x);
    backend().reluBackward({ y: y.handle, dy: dy.handle, dx: dx.handle });
    return [dx];
  });
}
