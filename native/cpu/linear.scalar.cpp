#include "cpu/gelu.scalar.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "mlp.h"

namespace distill::scalar {

namespace {

double dot(Floats a, const float *b, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += double{a[i]} * as_factor(b[i], a.storage);
  return sum;
}

}  // namespace

void linear_forward(const LinearForward &op) {
  parallel_for(op.M, [&](int64_t m) {
    for (int64_t o = 0; o < op.O; ++o) {
      const int64_t at = m * op.O + o;
      const double h = dot(op.x + m * op.I, op.weight + o * op.I, op.I) + (op.bias ? op.bias[o] : 0);
      if (op.gelu_grad) op.gelu_grad[at] = static_cast<float>(gelu_derivative(h));
      op.y[at] = static_cast<float>((op.residual ? op.residual[at] : 0.0f) + (op.gelu ? gelu(h) : h));
    }
  });
}

void linear_backward_input(const LinearBackwardInput &op) {
  parallel_for(op.M, [&](int64_t m) {
    for (int64_t i = 0; i < op.I; ++i) {
      double sum = 0;
      for (int64_t o = 0; o < op.O; ++o)
        sum += double{as_factor(op.dy[m * op.O + o], op.dx.storage)} * as_factor(op.weight[o * op.I + i], op.dx.storage);
      const int64_t at = m * op.I + i;
      op.dx[at] = static_cast<float>(op.gelu_grad ? sum * op.gelu_grad[at] : sum);
    }
  });
}

void linear_backward_weight(const LinearBackwardWeight &op) {
  parallel_for(op.O, [&](int64_t o) {
    for (int64_t i = 0; i < op.I; ++i) {
      double sum = 0;
      for (int64_t m = 0; m < op.M; ++m) sum += double{as_factor(op.dy[m * op.O + o], op.x.storage)} * op.x[m * op.I + i];
      op.dweight[o * op.I + i] = static_cast<float>(sum);
    }
    if (!op.dbias) return;
    double sum = 0;
    for (int64_t m = 0; m < op.M; ++m) sum += op.dy[m * op.O + o];
    op.dbias[o] = static_cast<float>(sum);
  });
}

void mlp_forward(const MlpForward &op) { in_turn<linear_forward>(op); }
void mlp_backward_input(const MlpBackwardInput &op) { in_turn<linear_backward_input>(op); }

}  // namespace distill::scalar
