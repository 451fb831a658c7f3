#include "cpu/linear.h"

#include "cpu/variants.h"

namespace distill::neon {

void linear_forward(const LinearForward &op) { distill::linear_forward<Vec4>(op); }
void linear_backward_input(const LinearBackwardInput &op) { distill::linear_backward_input<Vec4>(op); }
void linear_backward_weight(const LinearBackwardWeight &op) { distill::linear_backward_weight<Vec4>(op); }

}  // namespace distill::neon
