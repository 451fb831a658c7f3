#include "cpu/layer_norm.h"

#include "cpu/variants.h"

namespace distill::neon {

void layer_norm_forward(const LayerNormForward &op) { distill::layer_norm_forward<Vec4>(op); }
void layer_norm_backward(const LayerNormBackward &op) { distill::layer_norm_backward<Vec4>(op); }

}  // namespace distill::neon
