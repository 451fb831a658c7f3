// Depthwise convolution for any vector type V of vec.h, instantiated in depthwise_conv2d.<isa>.cpp. Lanes are channels.
//
//   depthwise_rows.h           where pixels and taps are
//   depthwise_tiles.h          some outputs of a row at once, for one vector of channels
//   depthwise_conv2d.h         forward, and backward to the input: tiles along rows of images
//   depthwise_conv2d_weight.h  backward to the weight
//
// Kernels 3, 5 and 7 wide with strides 1 and 2 have loops of their own. Fewer channels than lanes are left to the scalar reference. Both
// layouts of images are read in place.
#pragma once

#include <algorithm>
#include <cmath>

#include "cpu/depthwise_conv2d_weight.h"
#include "cpu/depthwise_rows.h"
#include "cpu/depthwise_tiles.h"
#include "cpu/threads.h"
#include "cpu/variants.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// Images `from` to images `to`, stored alike, forward or backward
struct Depthwise {
  Floats from;
  FloatsOut to;
  Pixels in, out;
  int64_t N, C, R, S, stride, top, left;
  bool backward;
  const float *taps;  // [vectors][R][S][lanes]
  DepthwiseEnding ending;

  Meeting meeting(int64_t h) const { return (backward ? backward_meeting : forward_meeting)(h, stride, top, R, in.H); }

  // Rows of an image that a thread takes at once, so that most of what it reads is in its cache
  int64_t rows_at_once() const {
    constexpr int64_t kNumbers = 1 << 17;
    return std::clamp<int64_t>(kNumbers / (out.W * C), 1, out.H);
  }
};

// A tile of `count` outputs, from y[at] on, and the pixels that it meets: those of the table from `column` on
template <class T>
struct Tile {
  Meeting rows;
  const PixelTable<T> &table;
  int64_t column, at;
  int count;
  const T *below;  // its pixel i = 0 in the first row that only the outputs below meet, and how many such rows there are
  int64_t below_rows;
};

// Prefetches what the tile below will read and write for the first time, a line of channels at a time: pixels are too far apart for the
// processor to see what comes next.
template <class Slide, class T>
[[gnu::always_inline]] inline void prefetch_below(const Depthwise &a, const Tile<T> &tile, int64_t c, const T *y) {
  const T *pixels = tile.below + c, *outputs = y + tile.at + a.out.row + c;
  for (int64_t r = 0; r < tile.below_rows; r++, pixels += a.in.row) {
#pragma GCC unroll 24
    for (int i = 0; i < Slide::kColumns; i++) __builtin_prefetch(pixels + i * a.in.pixel);
  }
  if (a.ending.stream) return;
#pragma GCC unroll 8
  for (int o = 0; o < Slide::kOut; o++) __builtin_prefetch(outputs + o * a.out.pixel, 1);
}

template <class V, class Slide, class T>
[[gnu::noinline]] void convolve_tile(const Depthwise &a, const Tile<T> &tile, T *y) {
  const int64_t tap_step = tile.rows.tap_step * a.S * lanes<V>;
  const float *first_taps = a.taps + tile.rows.tap * a.S * lanes<V>;
  for_vectors<V>(
      a.C, [&](int64_t vector, int64_t c) __attribute__((always_inline)) {
        if (c * int64_t(sizeof(T)) % 64 == 0) prefetch_below<Slide>(a, tile, c, y);
        V sums[Slide::kOut];
        const V start = a.ending.start ? load<V>(a.ending.start + c) : V{};
#pragma GCC unroll 8
        for (int o = 0; o < Slide::kOut; o++) sums[o] = start;
        const float *taps = first_taps + vector * a.R * a.S * lanes<V>;
        const T *const *pixels = tile.table.row(0) + tile.column;
        for (int64_t r = 0; r < tile.rows.count; r++, taps += tap_step, pixels += tile.table.width)
          add_row<V, Slide>(taps, pixels, c, sums);
        finish_outputs(a.ending, sums, tile.count, tile.at + c, a.out.pixel, y);
      });
}

// Kernels of any size: one output, which meets as many pixels as a row has taps
template <class V, class T>
void convolve_pixel(const Depthwise &a, const Tile<T> &tile, T *y) {
  for_vectors<V>(a.C, [&](int64_t vector, int64_t c) {
    V sums[1] = {a.ending.start ? load<V>(a.ending.start + c) : V{}};
    for (int64_t r = 0; r < tile.rows.count; r++) {
      const float *taps = a.taps + ((vector * a.R + tile.rows.tap + r * tile.rows.tap_step) * a.S) * lanes<V>;
      const T *const *pixels = tile.table.row(r) + tile.column;
      for (int64_t s = 0; s < a.S; s++) sums[0] += load<V>(taps + s * lanes<V>) * load<V>(pixels[s] + c);
    }
    finish_outputs(a.ending, sums, 1, tile.at + c, a.out.pixel, y);
  });
}

// How rows of outputs are computed
template <class V, class T>
struct TileLoop {
  void (*convolve)(const Depthwise &a, const Tile<T> &tile, T *y);
  int64_t outputs, columns, pixels;  // of a tile, from one to the next, and that it meets
  int64_t before;                    // columns left of the image

  int64_t tiles(const Depthwise &a) const { return ceil_div(a.out.W, outputs); }
  int64_t width(const Depthwise &a) const { return (tiles(a) - 1) * columns + pixels; }
  // Rows of pixels that meet a row of outputs
  void fill(const Depthwise &a, const T *image, const Meeting &rows, PixelTable<T> &table) const {
    if (outputs > 1) return table.fill(a.in, image, rows.row, rows.count, before);
    table.fill_each(a.in, image, rows.row, rows.count, [&](int64_t i) {
      const int64_t w = i / a.S, s = i % a.S, spread = w + a.left - s;
      if (!a.backward) return w * a.stride - a.left + s;
      return spread % a.stride == 0 ? spread / a.stride : -1;
    });
  }
};

template <class V, class Slide, class T>
TileLoop<V, T> sliding(int64_t before) {
  return {convolve_tile<V, Slide, T>, Slide::kOut, Slide::kColumns, Slide::kIn, before};
}

// Sums, taps and a pixel are in registers: 7 or 8 outputs, whichever leaves fewer in the last tile without use; backward, whole strides.
template <class V, int S, class T>
TileLoop<V, T> sliding(const Depthwise &a) {
  constexpr int kMost = VecTraits<V>::registers - S > 9 ? 8 : 7, kEven = kMost / 2 * 2;
  if (a.backward) {
    using Even = BackwardSlide<S, 0, kEven>;
    using Odd = BackwardSlide<S, 1, kEven>;
    return a.left % 2 ? sliding<V, Odd, T>(Odd::kBefore - a.left / 2) : sliding<V, Even, T>(Even::kBefore - a.left / 2);
  }
  if (kMost == 7 || ceil_div(a.out.W, 7) * 7 < ceil_div(a.out.W, 8) * 8)
    return a.stride == 1 ? sliding<V, ForwardSlide<S, 1, 7>, T>(a.left) : sliding<V, ForwardSlide<S, 2, 7>, T>(a.left);
  return a.stride == 1 ? sliding<V, ForwardSlide<S, 1, kMost>, T>(a.left) : sliding<V, ForwardSlide<S, 2, kMost>, T>(a.left);
}

template <class V, class T>
TileLoop<V, T> loop_of(const Depthwise &a) {
  return with_known_width(a.S, [&]<int S>(std::integral_constant<int, S>) -> TileLoop<V, T> {
    if constexpr (S != 0)
      if (a.stride == 2 || (a.stride == 1 && !a.backward)) return sliding<V, S, T>(a);
    return {convolve_pixel<V, T>, 1, a.S, a.S, 0};
  });
}

template <class V, class T>
void convolve_row(const Depthwise &a, const TileLoop<V, T> &loop, PixelTable<T> &table, int64_t n, int64_t h) {
  const T *from = static_cast<const T *>(a.from.data) + n * a.in.image;
  const Meeting rows = a.meeting(h);
  loop.fill(a, from, rows, table);
  const int64_t below_rows = h + 1 < a.out.H ? a.meeting(h + 1).end() - rows.end() : 0;
  for (int64_t i = 0; i < loop.tiles(a); i++) {
    const int64_t w = i * loop.outputs, column = i * loop.columns, at = a.out.at(n, h) + w * a.out.pixel;
    const T *below = from + rows.end() * a.in.row + (column - loop.before) * a.in.pixel;
    const int count = int(std::min(loop.outputs, a.out.W - w));
    loop.convolve(a, {rows, table, column, at, count, below, below_rows}, static_cast<T *>(a.to.data));
  }
}

template <class V>
void convolve_depthwise(Depthwise a) {
  a.ending.stream = streams_outputs<V>(a.to, a.N * a.out.H * a.out.W, a.C);
  const int64_t rows = a.rows_at_once(), per_image = ceil_div(a.out.H, rows);
  typed(a.to, [&]<class T>(T *) {
    const TileLoop<V, T> loop = loop_of<V, T>(a);
    const T *zeros = zeros_of<T>(a.C);
    parallel_for(a.N * per_image, [&](int64_t chunk) {
      const int64_t n = chunk / per_image, first = chunk % per_image * rows;
      PixelTable<T> table(Scratch::patches, a.R, loop.width(a), zeros);
      for (int64_t h = first; h < std::min(a.out.H, first + rows); h++) convolve_row(a, loop, table, n, h);
      if (a.ending.stream) finish_streaming();
    });
  });
}

template <class V>
Depthwise forward_of(const DepthwiseConv2dForward &a, const float *scale, const DepthwiseEnding &ending) {
  const float *taps = by_vectors<V>(a.weight, a.C, a.R * a.S, a.x.storage, scale, false);
  const Pixels in(a.hwnc, a.N, a.H, a.W, a.C), out(a.hwnc, a.N, a.P, a.Q, a.C);
  return {a.x, a.y, in, out, a.N, a.C, a.R, a.S, a.stride, a.top, a.left, false, taps, ending};
}

template <class V>
void depthwise_conv2d_forward(const DepthwiseConv2dForward &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_forward(a);
  convolve_depthwise<V>(forward_of<V>(a, nullptr, {.start = a.bias}));
}

// Running averages are known before: their scale is part of the taps, their shift what sums begin with.
template <class V>
void depthwise_conv2d_norm_forward(const DepthwiseConv2dNormForward &op) {
  const auto &[a, norm] = op;
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_norm_forward(op);
  float *start = scratch_of(Scratch::epilogue, 2 * a.C), *scale = start + a.C;
  for (int64_t c = 0; c < a.C; c++) {
    scale[c] = float(1 / std::sqrt(double(norm.running_var[c]) + norm.eps)) * norm.weight[c];
    start[c] = ((a.bias ? a.bias[c] : 0) - norm.running_mean[c]) * scale[c] + norm.bias[c];
  }
  convolve_depthwise<V>(forward_of<V>(a, scale, {start, norm.residual, norm.activation}));
}

// With stride 1 that is a convolution of dy with the kernel turned by 180 degrees.
template <class V>
void depthwise_conv2d_backward_input(const DepthwiseConv2dBackwardInput &a) {
  if (a.C < lanes<V>) return scalar::depthwise_conv2d_backward_input(a);
  const bool turned = a.stride == 1;
  const float *taps = by_vectors<V>(a.weight, a.C, a.R * a.S, a.dx.storage, nullptr, turned);
  const Pixels in(a.hwnc, a.N, a.P, a.Q, a.C), out(a.hwnc, a.N, a.H, a.W, a.C);
  const int64_t top = turned ? a.R - 1 - a.top : a.top, left = turned ? a.S - 1 - a.left : a.left;
  convolve_depthwise<V>({a.dy, a.dx, in, out, a.N, a.C, a.R, a.S, a.stride, top, left, !turned, taps, {}});
}

}  // namespace
}  // namespace distill
