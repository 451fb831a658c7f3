#include "cpu/gelu.h"

#include "cpu/variants.h"

namespace distill::avx512 {

void gelu_forward(const GeluForward &op) { distill::gelu_forward<Vec16>(op); }
void gelu_backward(const GeluBackward &op) { distill::gelu_backward<Vec16>(op); }

}  // namespace distill::avx512
