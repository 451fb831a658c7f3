#include "cpu/elementwise.h"

#include "cpu/variants.h"

namespace distill::scalar {

void add(const Add &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = op.a[i] + op.b[i];
  });
}

void multiply(const Multiply &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = op.a[i] * op.b[i];
  });
}

void scale(const Scale &op) {
  const float factor = op.by ? op.factor * op.by[0] : op.factor;
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = op.x[i] * factor;
  });
}

void relu_forward(const ReluForward &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.y[i] = op.x[i] < 0 ? 0.0f : op.x[i];
  });
}

void relu_backward(const ReluBackward &op) {
  for_each_range(op.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) op.dx[i] = op.y[i] <= 0 ? 0.0f : op.dy[i];
  });
}

}  // namespace distill::scalar
