import { backend, empty, type Tensor } from "../tensor";

/** f32 [N,K]: 1 at each row's label, 0 elsewhere; labels i32 [N] in 0 ... classes - 1, K is `classes`. Has no gradient. torch.nn.functional.one_hot. */
export function oneHot(labels: Tensor, classes: number): Tensor {
  const y = empty([labels.size, classes]);
  backend().oneHot({ labels: labels.handle, y: y.handle });
  return y;
}
