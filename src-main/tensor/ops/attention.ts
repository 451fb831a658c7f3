import { backend, empty, emptyLike, record, type Tensor } from "../tensor";

/**
 * y [N,Q,A*E]: softmax(q k^T / sqrt(E)) v for each image and each of A heads, from packed qkv [N,T,3*A*E] (q of all heads, then k, then v).
 * Only the first Q = `queries` tokens, 1 to T, are queries; all T are keys and values. torch.nn.functional.scaled_dot_product_attention.
 */
export function attention(qkv: Tensor, heads: number, queries = qkv.shape[1]!): Tensor {
  const [N, , packed] = qkv.shape as [number, number, number];
  const y = empty([N, queries, packed / 3], qkv.dtype);
  const logsumexp = empty([N, heads, queries]);
  backend().attentionForward({ qkv: qkv.handle, y: y.handle, logsumexp: logsumexp.handle, heads });

  return record(y, [qkv], (dy) => {
    const dqkv = emptyLike(qkv);
    backend().attentionBackward({ qkv: qkv.handle, y: y.handle, dy: dy.handle, logsumexp: logsumexp.handle, dqkv: dqkv.handle, heads });
    return [dqkv];
  });
}
