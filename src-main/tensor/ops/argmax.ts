import { backend, empty, type Tensor } from "../tensor";

/** i32 [N]: the column of each row's largest value, the first among equals; x f32 [N,K]. Has no gradient. torch.argmax(x, -1). */
export function argmax(x: Tensor): Tensor {
  const y = empty([x.shape[0]!], "i32");
  backend().argmax({ x: x.handle, y: y.handle });
  return y;
}
