#include "cpu/linear.h"

#include "cpu/variants.h"
#include "mlp.h"

namespace distill::avx512_bf16 {

void linear_forward(const LinearForward &op) {
  if (op.x.storage == Storage::f32 || op.I % 2) return avx512::linear_forward(op);
  distill::linear_forward<Vec16, Pair>(op);
}

void linear_backward_input(const LinearBackwardInput &op) {
  if (op.dx.storage == Storage::f32 || op.O % 2) return avx512::linear_backward_input(op);
  distill::linear_backward_input<Vec16, Pair>(op);
}

void linear_backward_weight(const LinearBackwardWeight &op) {
  if (op.x.storage == Storage::f32) return avx512::linear_backward_weight(op);
  distill::linear_backward_weight<Vec16, Pair>(op);
}

void mlp_forward(const MlpForward &op) { in_turn<linear_forward>(op); }
void mlp_backward_input(const MlpBackwardInput &op) { in_turn<linear_backward_input>(op); }

}  // namespace distill::avx512_bf16
