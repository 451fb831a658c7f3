#include <algorithm>

#include "cpu/threads.h"
#include "cpu/variants.h"
#include "grid_axis.h"

namespace distill::scalar {

namespace {

// y [C] = sum of weight(h, w) * x [*,W,C] at the pixels (h, w) of a rectangle
template <class Weight>
void weighted_sum(Floats x, int64_t W, int64_t C, GridAxis::Range high, GridAxis::Range wide, const Weight &weight, FloatsOut y) {
  auto *sums = static_cast<double *>(scratch(0, C * static_cast<int64_t>(sizeof(double))));
  std::fill_n(sums, C, 0.0);
  for (int64_t h = high.begin; h < high.end; ++h) {
    for (int64_t w = wide.begin; w < wide.end; ++w) {
      const double share = weight(h, w);
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
    const int64_t n = row / a.S, p = row % a.S;
    for (int64_t q = 0; q < a.S; ++q) {
      const auto weight = [&](int64_t h, int64_t w) { return double{rows.weight(p, h)} * double{columns.weight(q, w)}; };
      weighted_sum(a.x + n * a.H * a.W * a.C, a.W, a.C, rows.window(p), columns.window(q), weight, a.y + (row * a.S + q) * a.C);
    }
  });
}

// The same over the outputs that a pixel is part of.
void resize_grid_backward(const ResizeGridBackward &a) {
  const GridAxis rows{a.H, a.S}, columns{a.W, a.S};
  parallel_for(a.N * a.H, [&](int64_t row) {
    const int64_t n = row / a.H, h = row % a.H;
    for (int64_t w = 0; w < a.W; ++w) {
      const auto weight = [&](int64_t p, int64_t q) { return double{rows.weight(p, h)} * double{columns.weight(q, w)}; };
      weighted_sum(a.dy + n * a.S * a.S * a.C, a.S, a.C, rows.reached(h), columns.reached(w), weight, a.dx + (row * a.W + w) * a.C);
    }
  });
}

}  // namespace distill::scalar
