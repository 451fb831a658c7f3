#include <algorithm>

#include "cpu/threads.h"
#include "cpu/variants.h"
#include "grid_axis.h"

namespace distill::scalar {

namespace {

// y [C] = sum of row_weight(h) * column_weight(w) * x [*,W,C] over the pixels (h, w) of a rectangle
template <class RowWeight, class ColumnWeight>
void weighted_sum(Floats x, int64_t W, int64_t C, GridAxis::Range high, const RowWeight &row_weight, GridAxis::Range wide,
                  const ColumnWeight &column_weight, FloatsOut y) {
  auto *sums = static_cast<double *>(scratch(0, C * static_cast<int64_t>(sizeof(double))));
  std::fill_n(sums, C, 0.0);
  for (int64_t h = high.begin; h < high.end; ++h) {
    for (int64_t w = wide.begin; w < wide.end; ++w) {
      const double share = double{row_weight(h)} * double{column_weight(w)};
      const Floats pixel = x + (h * W + w) * C;
      for (int64_t c = 0; c < C; ++c) sums[c] += share * pixel[c];
    }
  }
  for (int64_t c = 0; c < C; ++c) y[c] = static_cast<float>(sums[c]);
}

}  // namespace

void resize_grid_forward(const ResizeGridForward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  parallel_for(a.N * a.S, [&](int64_t row) {
    const GridAxis::Window high = rows.window(row % a.S);
    const Floats x = a.x + row / a.S * a.H * a.W * a.C;
    for (int64_t q = 0; q < a.S; ++q) {
      const GridAxis::Window wide = columns.window(q);
      weighted_sum(
          x, a.W, a.C, high.inputs, [&](int64_t h) { return high.weight(h); }, wide.inputs, [&](int64_t w) { return wide.weight(w); },
          a.y + (row * a.S + q) * a.C);
    }
  });
}

// The same sum over the outputs that a pixel contributes to.
void resize_grid_backward(const ResizeGridBackward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  parallel_for(a.N * a.H, [&](int64_t row) {
    const int64_t h = row % a.H;
    const Floats dy = a.dy + row / a.H * a.S * a.S * a.C;
    for (int64_t w = 0; w < a.W; ++w) {
      weighted_sum(
          dy, a.S, a.C, rows.reached(h), [&](int64_t p) { return rows.window(p).weight(h); }, columns.reached(w),
          [&](int64_t q) { return columns.window(q).weight(w); }, a.dx + (row * a.W + w) * a.C);
    }
  });
}

}  // namespace distill::scalar
