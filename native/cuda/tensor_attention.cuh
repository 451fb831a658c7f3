// Attention on tensor cores, in tensor_attention.cu.
#pragma once

#include "ops.h"

namespace distill::cuda {

// Whether the functions below support an op: everything is stored in bf16, the device has tensor cores, and a head has 32 or 64 values.
bool takes_tensor_attention(Storage storage, int64_t E);

void tensor_attention_forward(const AttentionForward &op);
// delta [N,A,T]: row sums of dy y
void tensor_attention_backward(const AttentionBackward &op, const float *delta);

}  // namespace distill::cuda
