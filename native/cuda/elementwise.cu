// add, multiply, fill and GELU: each element by itself. Limited by memory.
#include "cuda/elementwise.cuh"
#include "cuda/gelu.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

void add(const Add &a) {
  for_each(a.size, [=] __device__(int64_t i) { a.y[i] = a.a[i] + a.b[i]; });
}

void multiply(const Multiply &a) {
  for_each(a.size, [=] __device__(int64_t i) { a.y[i] = a.a[i] * a.b[i]; });
}

void fill(void *to, uint32_t pattern, int64_t bytes) {
  auto *words = static_cast<uint32_t *>(to);
  for_each(bytes / 4, [=] __device__(int64_t i) { words[i] = pattern; });
  auto *rest = static_cast<uint8_t *>(to) + bytes / 4 * 4;
  for_each(bytes % 4, [=] __device__(int64_t i) { rest[i] = static_cast<uint8_t>(pattern >> 8 * i); });
}

void gelu_forward(const GeluForward &a) {
  for_each(a.size, [=] __device__(int64_t i) { a.y[i] = gelu(a.x[i]); });
}

void gelu_backward(const GeluBackward &a) {
  for_each(a.size, [=] __device__(int64_t i) { a.dx[i] = a.dy[i] * gelu_derivative(a.x[i]); });
}

}  // namespace distill::cuda
