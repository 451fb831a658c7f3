#include "cpu/layer_norm.h"

#include "cpu/variants.h"

namespace distill::avx512_bf16 {

void layer_norm_forward(const LayerNormForward &op) { distill::layer_norm_forward<Vec16>(op); }
void layer_norm_backward(const LayerNormBackward &op) { distill::layer_norm_backward<Vec16>(op); }

}  // namespace distill::avx512_bf16
