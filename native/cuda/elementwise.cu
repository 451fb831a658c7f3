// add, multiply, scale, ReLU, GELU and fill, elementwise. Limited by memory.
#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/gelu.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

using gpu::Eight;
using gpu::eight_of;
using gpu::load8;
using gpu::store8;

void add(const Add &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight left = load8(a.a, i, count), right = load8(a.b, i, count);
    store8(a.y, i, eight_of([&](int j) { return left.of[j] + right.of[j]; }), count);
  });
}

void multiply(const Multiply &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight left = load8({a.a}, i, count), right = load8({a.b}, i, count);
    store8({a.y}, i, eight_of([&](int j) { return left.of[j] * right.of[j]; }), count);
  });
}

void scale(const Scale &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const float factor = a.by ? a.factor * a.by[0] : a.factor;
    const Eight x = load8({a.x}, i, count);
    store8({a.y}, i, eight_of([&](int j) { return x.of[j] * factor; }), count);
  });
}

void relu_forward(const ReluForward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight x = load8(a.x, i, count);
    store8(a.y, i, eight_of([&](int j) { return x.of[j] < 0 ? 0.0f : x.of[j]; }), count);
  });
}

void relu_backward(const ReluBackward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight y = load8(a.y, i, count), dy = load8(a.dy, i, count);
    store8(a.dx, i, eight_of([&](int j) { return y.of[j] <= 0 ? 0.0f : dy.of[j]; }), count);
  });
}

void fill(void *to, uint32_t pattern, int64_t bytes) {
  auto *words = static_cast<uint32_t *>(to);
  for_each(bytes / 4, [=] __device__(int64_t i) { words[i] = pattern; });
  auto *rest = static_cast<uint8_t *>(to) + bytes / 4 * 4;
  for_each(bytes % 4, [=] __device__(int64_t i) { rest[i] = static_cast<uint8_t>(pattern >> 8 * i); });
}

void gelu_forward(const GeluForward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight x = load8(a.x, i, count);
    store8(a.y, i, eight_of([&](int j) { return gelu(x.of[j]); }), count);
  });
}

void gelu_backward(const GeluBackward &a) {
  for_each_eight(a.size, [=] __device__(int64_t i, int count) {
    const Eight x = load8(a.x, i, count), dy = load8(a.dy, i, count);
    store8(a.dx, i, eight_of([&](int j) { return dy.of[j] * gelu_derivative(x.of[j]); }), count);
  });
}

}  // namespace distill::cuda
