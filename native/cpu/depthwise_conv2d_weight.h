// The gradient of a depthwise convolution's weight: all taps of some of the kernel's rows are sums in registers, along a row of outputs.
// Rows of outputs are summed in parts, and these in order.
#pragma once

#include <algorithm>

#include "cpu/depthwise_rows.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// A part has the sums of all taps, and of dy, [vectors][R*S + 1][lanes].
template <class V>
struct TapSums {
  int64_t rows, parts, taps, size;

  explicit TapSums(const DepthwiseConv2dBackwardWeight &a) : taps(a.R * a.S) {
    constexpr int64_t kParts = 32;
    rows = ceil_div(a.N * a.P, kParts);
    parts = ceil_div(a.N * a.P, rows);
    size = ceil_div(a.C, lanes<V>) * (taps + 1) * lanes<V>;
  }
};

// A row of dy and the rows of x that it meets, as pointers to pixels
template <class T>
struct GradientRow {
  const T *const *x, *const *dy;
  int64_t x_width, width;
  int64_t x_step, dy_step;
  int64_t first_whole = 0, end_whole = 0;  // outputs where a tile may begin whose pixels are all inside the images

  // What the row of outputs below reads for the first time, or null
  const T *x_below = nullptr, *dy_below = nullptr;
  int64_t rows_below = 0, row_step = 0;
};

// Outputs that are taken at once
constexpr int kGradients = 4;

// Prefetches a line of channels of the pixels below those of a tile of outputs.
template <int stride, class T>
[[gnu::always_inline]] inline void prefetch_below(const GradientRow<T> &row, int64_t q, int64_t c) {
  const T *dy = row.dy_below + q * row.dy_step + c, *x = row.x_below + q * stride * row.x_step + c;
#pragma GCC unroll 8
  for (int o = 0; o < kGradients; o++) __builtin_prefetch(dy + o * row.dy_step);
  for (int64_t r = 0; r < row.rows_below; r++, x += row.row_step) {
#pragma GCC unroll 16
    for (int i = 0; i < kGradients * stride; i++) __builtin_prefetch(x + i * row.x_step);
  }
}

// sums += products of a tile of outputs with pixels. whole: all pixels are inside the images, so that their distances are known.
template <class V, int S, int stride, int rows, bool whole, class T>
[[gnu::always_inline]] inline void add_tile(const GradientRow<T> &row, const T *const *x, const T *const *dy, int64_t c,
                                            V (&sums)[rows][S]) {
  V gradient[kGradients];
#pragma GCC unroll 8
  for (int o = 0; o < kGradients; o++) gradient[o] = load<V>((whole ? dy[0] + o * row.dy_step : dy[o]) + c);
#pragma GCC unroll 7
  for (int r = 0; r < rows; r++) {
    const T *const *pixels = x + r * row.x_width;
#pragma GCC unroll 24
    for (int i = 0; i < (kGradients - 1) * stride + S; i++) {
      const V pixel = load<V>((whole ? pixels[0] + i * row.x_step : pixels[i]) + c);
#pragma GCC unroll 8
      for (int o = 0; o < kGradients; o++) {
        const int s = i - stride * o;
        if (s >= 0 && s < S) sums[r][s] += gradient[o] * pixel;
      }
    }
  }
}

// to [rows][S][lanes] += products of a row of dy with `rows` rows of x from `first` on, for channels c and following
template <class V, int S, int stride, int rows, class T>
[[gnu::noinline]] void add_products(const GradientRow<T> &row, int64_t first, int64_t c, bool prefetch, float *to) {
  V sums[rows][S];
#pragma GCC unroll 7
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 7
    for (int s = 0; s < S; s++) sums[r][s] = load<V>(to + (r * S + s) * lanes<V>);
  }
  for (int64_t q = 0; q < row.width; q += kGradients) {
    const T *const *dy = row.dy + q, *const *x = row.x + first * row.x_width + q * stride;
    if (prefetch) prefetch_below<stride>(row, q, c);
    if (q >= row.first_whole && q < row.end_whole)
      add_tile<V, S, stride, rows, true>(row, x, dy, c, sums);
    else
      add_tile<V, S, stride, rows, false>(row, x, dy, c, sums);
  }
#pragma GCC unroll 7
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 7
    for (int s = 0; s < S; s++) store(to + (r * S + s) * lanes<V>, sums[r][s]);
  }
}

// All rows of taps that meet a row of outputs, `count`; to: [count][S][lanes]. Where taps do not fit the registers, some rows at a time.
template <class V, int S, int stride, class T>
void add_row_of_outputs(const GradientRow<T> &row, int64_t, int64_t count, int64_t c, bool prefetch, float *to) {
  constexpr int kRows = std::min(S, (VecTraits<V>::registers - 1 - kGradients) / S);
  int64_t r = 0;
  for (; r + kRows <= count; r += kRows, prefetch = false) add_products<V, S, stride, kRows>(row, r, c, prefetch, to + r * S * lanes<V>);
  for (; r < count; r++, prefetch = false) add_products<V, S, stride, 1>(row, r, c, prefetch, to + r * S * lanes<V>);
}

// Any size: one tap after the other
template <class V, class T>
void add_row_of_any(const GradientRow<T> &row, int64_t S, int64_t count, int64_t c, bool, float *to) {
  for (int64_t r = 0; r < count; r++) {
    for (int64_t s = 0; s < S; s++, to += lanes<V>) {
      V sum = load<V>(to);
      for (int64_t q = 0; q < row.width; q++) sum += load<V>(row.x[r * row.x_width + q * S + s] + c) * load<V>(row.dy[q] + c);
      store(to, sum);
    }
  }
}

// How rows of outputs are summed
template <class V, class T>
struct ProductLoop {
  void (*add)(const GradientRow<T> &row, int64_t S, int64_t count, int64_t c, bool prefetch, float *to);
  int64_t outputs, columns, pixels;  // of a tile, from one to the next, and that it meets

  int64_t tiles(const DepthwiseConv2dBackwardWeight &a) const { return ceil_div(a.Q, outputs); }
  int64_t width(const DepthwiseConv2dBackwardWeight &a) const { return (tiles(a) - 1) * columns + pixels; }
};

template <class V, int S, int stride, class T>
ProductLoop<V, T> products_of() {
  return {add_row_of_outputs<V, S, stride, T>, kGradients, kGradients * stride, (kGradients - 1) * stride + S};
}

template <class V, class T>
ProductLoop<V, T> products_of(const DepthwiseConv2dBackwardWeight &a) {
  return with_known_width(a.S, [&]<int S>(std::integral_constant<int, S>) -> ProductLoop<V, T> {
    if constexpr (S != 0) {
      if (a.stride == 1) return products_of<V, S, 1, T>();
      if (a.stride == 2) return products_of<V, S, 2, T>();
    }
    return {add_row_of_any<V, T>, 1, a.S, a.S};
  });
}

// Where the images of a call are, and its loop
template <class V, class T>
struct GradientRows {
  const DepthwiseConv2dBackwardWeight &a;
  ProductLoop<V, T> loop = products_of<V, T>(a);
  Pixels in{a.hwnc, a.N, a.H, a.W, a.C}, out{a.hwnc, a.N, a.P, a.Q, a.C};

  // Row p of outputs of image n, through the tables
  GradientRow<T> row(int64_t n, int64_t p, const Meeting &rows, PixelTable<T> &x, PixelTable<T> &dy) const {
    const T *image = static_cast<const T *>(a.x.data) + n * in.image, *gradients = static_cast<const T *>(a.dy.data) + n * out.image;
    if (loop.outputs > 1)
      x.fill(in, image, rows.row, rows.count, a.left);
    else
      x.fill_each(in, image, rows.row, rows.count, [&](int64_t i) { return i / a.S * a.stride + i % a.S - a.left; });
    dy.fill(out, gradients, p, 1, 0);
    GradientRow<T> row{x.row(0), dy.row(0), x.width, dy.width, in.pixel, out.pixel};
    row.first_whole = ceil_div(a.left, a.stride);
    const int64_t most = a.W + a.left - loop.pixels;
    row.end_whole = most < 0 ? 0 : std::min(most / a.stride, a.Q - loop.outputs) + 1;
    if (p + 1 == a.P) return row;
    row.x_below = image + rows.end() * in.row - a.left * in.pixel;
    row.dy_below = gradients + (p + 1) * out.row;
    row.rows_below = forward_meeting(p + 1, a.stride, a.top, a.R, a.H).end() - rows.end();
    row.row_step = in.row;
    return row;
  }
};

// The sums of one part
template <class V, class T>
void add_rows(const GradientRows<V, T> &rows, const TapSums<V> &plan, int64_t part, const T *zeros, float *sums) {
  const DepthwiseConv2dBackwardWeight &a = rows.a;
  const ProductLoop<V, T> &loop = rows.loop;
  PixelTable<T> x(Scratch::patches, a.R, loop.width(a), zeros), dy(Scratch::block, 1, loop.tiles(a) * loop.outputs, zeros);
  std::fill_n(sums, plan.size, 0.0f);
  for (int64_t i = part * plan.rows; i < std::min(a.N * a.P, (part + 1) * plan.rows); i++) {
    const Meeting meeting = forward_meeting(i % a.P, a.stride, a.top, a.R, a.H);
    const GradientRow<T> row = rows.row(i / a.P, i % a.P, meeting, x, dy);
    for_vectors<V>(a.C, [&](int64_t vector, int64_t c) {
      float *to = sums + vector * (plan.taps + 1) * lanes<V>;
      const bool new_line = c * int64_t(sizeof(T)) % 64 == 0;
      loop.add(row, a.S, meeting.count, c, row.dy_below && new_line, to + meeting.tap * a.S * lanes<V>);
      if (!a.dbias) return;
      V sum = load<V>(to + plan.taps * lanes<V>);
      for (int64_t q = 0; q < a.Q; q++) sum += load<V>(row.dy[q] + c);
      store(to + plan.taps * lanes<V>, sum);
    });
  }
}

template <class V>
void depthwise_conv2d_backward_weight(const DepthwiseConv2dBackwardWeight &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_backward_weight(a);
  const TapSums<V> plan(a);
  float *sums = scratch_of(Scratch::partials, plan.parts * plan.size);
  typed(a.x, [&]<class T>(const T *) {
    const T *zeros = zeros_of<T>(a.C);
    const GradientRows<V, T> rows{a};
    parallel_for(plan.parts, [&](int64_t part) { add_rows(rows, plan, part, zeros, sums + part * plan.size); });
  });
  parallel_for(plan.taps + (a.dbias != nullptr), [&](int64_t tap) {
    for_vectors<V>(a.C, [&](int64_t vector, int64_t c) {
      const float *from = sums + (vector * (plan.taps + 1) + tap) * lanes<V>;
      V sum = load<V>(from);
      for (int64_t part = 1; part < plan.parts; part++) sum += load<V>(from + part * plan.size);
      for (int lane = 0; lane < lanes<V>; lane++)
        (tap < plan.taps ? a.dweight[(c + lane) * plan.taps + tap] : a.dbias[c + lane]) = sum[lane];
    });
  });
}

}  // namespace
}  // namespace distill
