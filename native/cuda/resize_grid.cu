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

// Sum of row_weight(h) * column_weight(w) * x [*,W,C] over the pixels (h, w) of a rectangle, for channels c ... c + count - 1
template <class RowWeight, class ColumnWeight>
__device__ Eight weighted_sum(Floats x, int64_t W, int64_t C, GridAxis::Range high, const RowWeight &row_weight, GridAxis::Range wide,
                              const ColumnWeight &column_weight, int64_t c, int count) {
  Eight sum = {};
  for (int64_t h = high.begin; h < high.end; h++) {
    const float row_share = row_weight(h);
    for (int64_t w = wide.begin; w < wide.end; w++) {
      const float share = row_share * column_weight(w);
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
    const GridAxis::Window wide = columns.window(output % a.S), high = rows.window(output / a.S % a.S);
    const Floats x = a.x + output / a.S / a.S * a.H * a.W * a.C;
    const Eight y = weighted_sum(
        x, a.W, a.C, high.inputs, [&](int64_t h) { return high.weight(h); }, wide.inputs, [&](int64_t w) { return wide.weight(w); }, c,
        count);
    store8(a.y, output * a.C + c, y, count);
  });
}

// The same sum over the outputs that a pixel contributes to.
void resize_grid_backward(const ResizeGridBackward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  for_each_eight(a.N * a.H * a.W, a.C, [=] __device__(int64_t pixel, int64_t c, int count) {
    const int64_t w = pixel % a.W, h = pixel / a.W % a.H;
    const Floats dy = a.dy + pixel / a.W / a.H * a.S * a.S * a.C;
    const Eight dx = weighted_sum(
        dy, a.S, a.C, rows.reached(h), [&](int64_t p) { return rows.window(p).weight(h); }, columns.reached(w),
        [&](int64_t q) { return columns.window(q).weight(w); }, c, count);
    store8(a.dx, pixel * a.C + c, dx, count);
  });
}

}  // namespace distill::cuda
