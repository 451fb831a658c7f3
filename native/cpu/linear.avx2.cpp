#include "cpu/linear.h"

#include "cpu/variants.h"
#include "mlp.h"

namespace distill::avx2 {

void linear_forward(const LinearForward &op) { distill::linear_forward<Vec8>(op); }
void linear_backward_input(const LinearBackwardInput &op) { distill::linear_backward_input<Vec8>(op); }
void linear_backward_weight(const LinearBackwardWeight &op) { distill::linear_backward_weight<Vec8>(op); }

void mlp_forward(const MlpForward &op) { in_turn<linear_forward>(op); }
void mlp_backward_input(const MlpBackwardInput &op) { in_turn<linear_backward_input>(op); }

}  // namespace distill::avx2
