// Pooling: one thread per 8 channels of an output or, in the backward pass, of an input, so that no two threads write to the same place.
#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"

namespace distill::cuda {

namespace {

using gpu::Eight;
using gpu::eight_of;
using gpu::load8;
using gpu::store8;

// Passes integers through an interface for floats, as bits.
__device__ inline Eight load_indices(const int32_t *indices, int64_t at, int count) {
  return load8({reinterpret_cast<const float *>(indices)}, at, count);
}

}  // namespace

void average_pool_forward(const AveragePoolForward &a) {
  const int64_t pixels = a.H * a.W;
  for_each_eight(a.N, a.C, [=] __device__(int64_t n, int64_t c, int count) {
    Eight sum = {};
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
      const Eight x = load8(a.x, (n * pixels + pixel) * a.C + c, count);
      sum = eight_of([&](int j) { return sum.of[j] + x.of[j]; });
    }
    store8(a.y, n * a.C + c, eight_of([&](int j) { return sum.of[j] / static_cast<float>(pixels); }), count);
  });
}

void average_pool_backward(const AveragePoolBackward &a) {
  const int64_t pixels = a.H * a.W;
  for_each_eight(a.N * pixels, a.C, [=] __device__(int64_t pixel, int64_t c, int count) {
    const Eight dy = load8(a.dy, pixel / pixels * a.C + c, count);
    store8(a.dx, pixel * a.C + c, eight_of([&](int j) { return dy.of[j] / static_cast<float>(pixels); }), count);
  });
}

void max_pool_forward(const MaxPoolForward &a) {
  for_each_eight(a.N * a.P * a.Q, a.C, [=] __device__(int64_t output, int64_t c, int count) {
    const int64_t q = output % a.Q, p = output / a.Q % a.P, n = output / a.Q / a.P;
    const int64_t top = p * a.stride - a.padding, left = q * a.stride - a.padding;
    const int64_t first_h = max(top, int64_t{0}), end_h = min(top + a.kernel, a.H);
    const int64_t first_w = max(left, int64_t{0}), end_w = min(left + a.kernel, a.W);
    Eight best = eight_of([](int) { return -INFINITY; });
    Eight winner = eight_of([&](int) { return __uint_as_float(static_cast<uint32_t>(first_h * a.W + first_w)); });
    for (int64_t h = first_h; h < end_h; h++) {
      for (int64_t w = first_w; w < end_w; w++) {
        const Eight x = load8(a.x, ((n * a.H + h) * a.W + w) * a.C + c, count);
        GPU_UNROLL
        for (int j = 0; j < 8; j++) {
          // NaN wins and stays, as in PyTorch.
          if (!(x.of[j] > best.of[j] || x.of[j] != x.of[j]) || best.of[j] != best.of[j]) continue;
          best.of[j] = x.of[j];
          winner.of[j] = __uint_as_float(static_cast<uint32_t>(h * a.W + w));
        }
      }
    }
    store8(a.y, output * a.C + c, best, count);
    store8({a.indices}, output * a.C + c, winner, count);
  });
}

// Visits the windows that reach a pixel, in the order of the outputs.
void max_pool_backward(const MaxPoolBackward &a) {
  for_each_eight(a.N * a.H * a.W, a.C, [=] __device__(int64_t pixel, int64_t c, int count) {
    const int64_t w = pixel % a.W, h = pixel / a.W % a.H, n = pixel / a.W / a.H;
    const auto first_window = [=](int64_t at) { return max(int64_t{0}, (at + a.padding - a.kernel + a.stride) / a.stride); };
    const int64_t end_p = min(a.P, (h + a.padding) / a.stride + 1), end_q = min(a.Q, (w + a.padding) / a.stride + 1);
    const auto own = static_cast<uint32_t>(h * a.W + w);
    Eight sum = {};
    for (int64_t p = first_window(h); p < end_p; p++) {
      for (int64_t q = first_window(w); q < end_q; q++) {
        const int64_t at = ((n * a.P + p) * a.Q + q) * a.C + c;
        const Eight winner = load_indices(a.indices, at, count), dy = load8(a.dy, at, count);
        sum = eight_of([&](int j) { return __float_as_uint(winner.of[j]) == own ? sum.of[j] + dy.of[j] : sum.of[j]; });
      }
    }
    store8(a.dx, pixel * a.C + c, sum, count);
  });
}

}  // namespace distill::cuda
