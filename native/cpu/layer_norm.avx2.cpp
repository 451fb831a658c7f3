#include "cpu/layer_norm.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void layer_norm_forward(const LayerNormForward &op) { distill::layer_norm_forward<Vec8>(op); }
void layer_norm_backward(const LayerNormBackward &op) { distill::layer_norm_backward<Vec8>(op); }

}  // namespace distill::avx2
