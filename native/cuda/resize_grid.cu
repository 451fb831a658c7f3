// A thread per 8 channels of an output or, going back, of an input, so that no two threads write one place.
#include "cuda/eight.cuh"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "grid_axis.h"

namespace distill::cuda {

namespace {

using gpu::Eight;
using gpu::eight_of;
using gpu::load8;

// Sum of weight(h, w) * x [*,W,C] over the pixels (h, w) of a rectangle, for channels c ... c + count - 1
template <class Weight>
__device__ Eight weighted_sum(Floats x, int64_t W, int64_t C, GridAxis::Range high, GridAxis::Range wide, const Weight &weight, int64_t c,
                              int count) {
  Eight sum = {};
  for (int64_t h = high.begin; h < high.end; h++) {
    for (int64_t w = wide.begin; w < wide.end; w++) {
      const float share = weight(h, w);
      const Eight pixel = load8(x, (h * W + w) * C + c, count);
      sum = eight_of([&](int j) { return sum.of[j] + share * pixel.of[j]; });
    }
  }
  return sum;
}

}  // namespace

void resize_grid_forward(const ResizeGridForward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  for_each_eight(a.N * a.S * a.S, a.C, [=] __device__(int64_t output, int64_t c, int count) {
    const int64_t q = output % a.S, p = output / a.S % a.S, n = output / a.S / a.S;
    const auto weight = [&](int64_t h, int64_t w) { return rows.weight(p, h) * columns.weight(q, w); };
    const Floats x = a.x + n * a.H * a.W * a.C;
    store8(a.y, output * a.C + c, weighted_sum(x, a.W, a.C, rows.window(p), columns.window(q), weight, c, count), count);
  });
}

// The same over the outputs that a pixel is part of.
void resize_grid_backward(const ResizeGridBackward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  for_each_eight(a.N * a.H * a.W, a.C, [=] __device__(int64_t pixel, int64_t c, int count) {
    const int64_t w = pixel % a.W, h = pixel / a.W % a.H, n = pixel / a.W / a.H;
    const auto weight = [&](int64_t p, int64_t q) { return rows.weight(p, h) * columns.weight(q, w); };
    const Floats dy = a.dy + n * a.S * a.S * a.C;
    store8(a.dx, pixel * a.C + c, weighted_sum(dy, a.S, a.C, rows.reached(h), columns.reached(w), weight, c, count), count);
  });
}

}  // namespace distill::cuda
