#include "cpu/attention.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void attention_forward(const AttentionForward &op) {
  if (op.qkv.storage == Storage::f32 || op.E % 2) return avx512::attention_forward(op);
  distill::attention_forward<Vec16, Pair>(op);
}

void attention_backward(const AttentionBackward &op) {
  if (op.qkv.storage == Storage::f32 || op.E % 2) return avx512::attention_backward(op);
  distill::attention_backward<Vec16, Pair>(op);
}

}  // namespace distill::avx512_bf16
