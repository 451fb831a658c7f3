#include "cpu/gelu.h"

#include "cpu/variants.h"

namespace distill::avx2 {

void gelu_forward(const GeluForward &op) { distill::gelu_forward<Vec8>(op); }
void gelu_backward(const GeluBackward &op) { distill::gelu_backward<Vec8>(op); }

}  // namespace distill::avx2
