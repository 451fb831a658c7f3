#include "cpu/gelu.h"

#include "cpu/variants.h"

namespace distill::neon {

void gelu_forward(const GeluForward &op) { distill::gelu_forward<Vec4>(op); }
void gelu_backward(const GeluBackward &op) { distill::gelu_backward<Vec4>(op); }

}  // namespace distill::neon
