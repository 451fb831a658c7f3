#include "cpu/gelu.scalar.h"

#include "cpu/elementwise.h"
#include "cpu/variants.h"

namespace distill::scalar {

void gelu_forward(const GeluForward &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = static_cast<float>(gelu(op.x[i]));
  });
}

void gelu_backward(const GeluBackward &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.dx[i] = static_cast<float>(op.dy[i] * gelu_derivative(op.x[i]));
  });
}

}  // namespace distill::scalar
