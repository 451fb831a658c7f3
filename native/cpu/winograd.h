// 3x3 convolution with stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2015), for any vector type V of vec.h.
//
// A tile of 4x4 outputs depends on 6x6 inputs. Inputs and weights are transformed to values at 6x6 points and multiplied there, with 36
// products where a direct sum needs 144, and the result is transformed back: Y = A^T [(G g G^T) * (B^T d B)] A. The points 0, +-3/4, +-3/2
// and infinity halve the rounding error of the customary 0, +-1, +-2: the relative L2 error is about 1e-6 at 256 channels.
#pragma once

#include <algorithm>

#include "cpu/convolve.h"
#include "cpu/patches.h"
#include "cpu/products.h"
#include "cpu/threads.h"
#include "cpu/vec.h"
#include "cpu/winograd_transforms.h"
#include "ops.h"

namespace distill {
namespace {

namespace winograd {

// Tile t of the output: image n, first pixel (p, q).
struct Tile {
  int64_t n, p, q;

  Tile(const Patches &patches, int64_t t) {
    const int64_t across = ceil_div(patches.Q, kOut), down = ceil_div(patches.P, kOut);
    n = t / (across * down);
    p = t / across % down * kOut;
    q = t % across * kOut;
  }
  int64_t pixel(const Patches &patches) const { return (n * patches.P + p) * patches.Q + q; }
};

// Transposes from [lanes, count], runs `step` apart, to [count, lanes]. `to` needs room for whole blocks of vectors.
template <class V>
void transpose_runs(const float *from, int64_t step, int64_t count, float *to) {
  for (int64_t i = 0; i < count; i += lanes<V>) {
    V block[lanes<V>];
#pragma GCC unroll 16
    for (int64_t lane = 0; lane < lanes<V>; lane++)
      block[lane] = load_some<V>(from + lane * step + i, std::min<int64_t>(lanes<V>, count - i));
    transpose(block);
#pragma GCC unroll 16
    for (int64_t k = 0; k < lanes<V>; k++) store(to + (i + k) * lanes<V>, block[k]);
  }
}

// Transforms a panel of weights, `width` columns from `column` and `count` rows from `inner`, to 36 matrices [count, width].
template <class V>
void weight_panel(const FilterOperand &filter, int64_t column, int64_t width, int64_t inner, int64_t count, float *to, int64_t plane) {
  // Nine times this many are whole vectors. With so many rows at a time, no vector is read right after its parts were gathered one number
  // at a time.
  constexpr int64_t kRows = 16;
  int64_t offset[9];
  for (int tap = 0; tap < 9; tap++) offset[tap] = tap / 3 * filter.row_step + tap % 3 * filter.tap_step;
  const bool in_one_run = filter.inner_step == 9 && filter.row_step == 3 && filter.tap_step == 1;  // in the forward pass
  for (int64_t first = 0; first < width; first += lanes<V>) {
    for (int64_t row = 0; row < count; row += kRows) {
      const int64_t rows = std::min(kRows, count - row);
      float taps[kRows][9][lanes<V>];
      const float *from = filter.first + (column + first) * filter.column_step + (inner + row) * filter.inner_step;
      if (in_one_run) {
        transpose_runs<V>(from, filter.column_step, 9 * rows, taps[0][0]);
      } else {
        for (int64_t lane = 0; lane < lanes<V>; lane++) {
          for (int64_t i = 0; i < rows; i++) {
            for (int tap = 0; tap < 9; tap++) taps[i][tap][lane] = from[lane * filter.column_step + i * filter.inner_step + offset[tap]];
          }
        }
      }
      for (int64_t i = 0; i < rows; i++) transform_weight_tile<V>(taps[i][0], to + (row + i) * width + first, plane);
    }
  }
}

// All weights as matrices [C,O] for the 36 points, `plane` apart, in panels like those of `pack`
template <class V>
const float *weight_planes(const FilterOperand &filter, int64_t plane) {
  constexpr int64_t width = kVectors * lanes<V>, kRows = 32;
  float *planes = scratch_of(Scratch::planes, kPoints * plane);
  const int64_t C = filter.inner, O = filter.columns, blocks = ceil_div(C, kRows);
  parallel_for(ceil_div(O, width) * blocks, [&](int64_t index) {
    const int64_t column = index / blocks * width, inner = index % blocks * kRows, wide = std::min(width, O - column);
    weight_panel<V>(filter, column, wide, inner, std::min(kRows, C - inner), planes + column * C + inner * wide, plane);
  });
  return planes;
}

// The pixels of a tile are scattered, which defeats the hardware prefetcher: while one tile is processed, the next is prefetched.
constexpr int64_t kLine = 16;  // floats

template <class T>
const T *zeros(int64_t count) {
  T *zeros = scratch_of<T>(Scratch::zeros, count);
  std::fill_n(zeros, count, T{});
  return zeros;
}

// The addresses of the 36 inputs of a tile; those in the padding point to `zeros`
template <class T>
void inputs_of(const Patches &patches, const T *image, const Tile &tile, const T *zeros, const T *(&at)[kPoints]) {
  for (int i = 0; i < kIn; i++) {
    const int64_t h = tile.p + patches.top + i;
    const bool inside = h >= 0 && h < patches.H;
    const T *row = image + (tile.n * patches.H + (inside ? h : 0)) * patches.W * patches.C;
    for (int j = 0; j < kIn; j++) {
      const int64_t w = tile.q + patches.left + j;
      at[kIn * i + j] = inside && w >= 0 && w < patches.W ? row + w * patches.C : zeros;
    }
  }
}

// Transforms the inputs of `count` tiles to 36 matrices, `plane` apart, in slabs of `slab` floats
template <class V, class T>
void input_planes_of(const Patches &patches, const T *image, int64_t first, int64_t count, float *planes, int64_t slab, int64_t plane) {
  const T *outside = zeros<T>(patches.C), *at[2][kPoints];
  inputs_of(patches, image, Tile(patches, first), outside, at[0]);
  for (int64_t t = 0; t < count; t++) {
    const auto &now = at[t % 2];
    auto &next = at[(t + 1) % 2];
    inputs_of(patches, image, Tile(patches, first + std::min(t + 1, count - 1)), outside, next);
    for (int64_t c = 0; c < patches.C; c += lanes<V>) {
      if (c % kLine == 0) {
        for (const T *pixel : next) __builtin_prefetch(pixel + c);
      }
      transform_input_tile<V>(now, c, planes + c / lanes<V> * slab + t * lanes<V>, plane);
    }
  }
}

template <class V>
void input_planes(const Patches &patches, int64_t first, int64_t count, float *planes, int64_t slab, int64_t plane) {
  typed(patches.image, [=, &patches](const auto *image) { input_planes_of<V>(patches, image, first, count, planes, slab, plane); });
}

// The addresses of the 16 gradients of a tile; those outside the output point to `zeros`
template <class T>
void gradients_of(const Patches &patches, const Tile &tile, const T *dy, int64_t O, const T *zeros, const T *(&at)[kOut * kOut]) {
  for (int i = 0; i < kOut; i++) {
    for (int j = 0; j < kOut; j++) {
      const int64_t p = tile.p + i, q = tile.q + j;
      at[kOut * i + j] = p < patches.P && q < patches.Q ? dy + ((tile.n * patches.P + p) * patches.Q + q) * O : zeros;
    }
  }
}

// Transforms the gradients [N,P,Q,O] of `count` tiles in the same way
template <class V>
void gradient_planes(const Patches &patches, int64_t first, int64_t count, Floats gradients, int64_t O, float *planes, int64_t slab,
                     int64_t plane) {
  typed(gradients, [=, &patches]<class T>(const T *dy) {
    const T *outside = zeros<T>(O), *at[kOut * kOut];
    for (int64_t t = 0; t < count; t++) {
      gradients_of(patches, Tile(patches, first + t), dy, O, outside, at);
      for (int64_t o = 0; o < O; o += lanes<V>) transform_gradient_tile<V>(at, o, planes + o / lanes<V> * slab + t * lanes<V>, plane);
    }
  });
}

// Transforms 36 matrices of products [count, columns], `plane` apart, to `columns` channels of the tiles of y, whose pixels are ldy apart
template <class V, class T>
void output_tiles_of(const Patches &patches, int64_t first, int64_t count, const float *planes, int64_t plane, const float *bias,
                     int64_t columns, T *y, int64_t ldy, const Epilogue &epilogue) {
  for (int64_t t = 0; t < count; t++) {
    const Tile tile(patches, first + t);
    const int64_t rows = std::min<int64_t>(kOut, patches.P - tile.p), wide = std::min<int64_t>(kOut, patches.Q - tile.q);
    const int64_t at = tile.pixel(patches) * ldy;
    T *corner = y + at, *next = y + Tile(patches, first + std::min(t + 1, count - 1)).pixel(patches) * ldy;
    for (int64_t o = 0; o < columns; o += lanes<V>) {
      for (int i = 0; o % kLine == 0 && i < rows; i++) {
        for (int j = 0; j < wide; j++) __builtin_prefetch(next + (i * patches.Q + j) * ldy + o, 1);
      }
      V out[kOut * kOut];
      transform_output_tile(planes + t * columns + o, plane, load<V>(bias + o), out);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < wide; j++) {
          const int64_t pixel = (i * patches.Q + j) * ldy + o;
          const V sum = out[kOut * i + j];
          store(corner + pixel, epilogue ? epilogue.apply(sum, at + pixel, o, lanes<V>) : sum);
        }
      }
    }
  }
}

template <class V>
void output_tiles(const Patches &patches, int64_t first, int64_t count, const float *planes, int64_t plane, const float *bias,
                  int64_t columns, FloatsOut out, int64_t ldy, const Epilogue &epilogue) {
  typed(out,
        [=, &patches, &epilogue](auto *y) { output_tiles_of<V>(patches, first, count, planes, plane, bias, columns, y, ldy, epilogue); });
}

// dweight [C,3,3] of one output channel from `parts` sums of 36 products [C], `plane` apart, added in order. With `add`, the result is
// added to the existing dweight.
template <class V>
void products_to_weights(const float *sums, int64_t plane, int64_t parts, int64_t C, bool add, float *dweight) {
  for (int64_t c = 0; c < C; c += lanes<V>) {
    alignas(64) float g[9][lanes<V>];
    transform_product_tile<V>(sums + c, plane, parts, g[0]);
    float *to = dweight + c * 9;
    for (int lane = 0; lane < lanes<V>; lane++) {
      for (int tap = 0; tap < 9; tap++) to[9 * lane + tap] = g[tap][lane] + (add ? to[9 * lane + tap] : 0);
    }
  }
}

}  // namespace winograd

// Requires whole vectors of channels, and tiles that are at least half used.
template <class V>
bool winograd_fits(const Patches &a, int64_t columns) {
  const int64_t tiles = ceil_div(a.P, winograd::kOut) * ceil_div(a.Q, winograd::kOut);
  return a.R == 3 && a.S == 3 && a.stride == 1 && a.C % lanes<V> == 0 && columns % lanes<V> == 0 &&
         2 * a.P * a.Q >= tiles * winograd::kOut * winograd::kOut;
}

namespace winograd {

constexpr int64_t kPad = 16;  // planes a power of two apart would fall into the same sets of the cache

inline int64_t tiles_of(const Patches &patches, int64_t N) { return N * ceil_div(patches.P, kOut) * ceil_div(patches.Q, kOut); }

// Transforms the weights first; then threads take blocks of tiles.
template <class V>
void convolve_by_tiles(const Patches &patches, int64_t tiles, const FilterOperand &filter, const float *bias, const float *none,
                       const Output &out) {
  constexpr int64_t kTiles = 24;
  const int64_t C = patches.C, O = filter.columns, weight_plane = C * O + kPad, plane_in = kTiles * C + kPad, plane_out = kTiles * O + kPad;
  const float *u = weight_planes<V>(filter, weight_plane);
  parallel_for(ceil_div(tiles, kTiles), [&](int64_t chunk) {
    const int64_t first = chunk * kTiles, count = std::min(kTiles, tiles - first);
    float *v = scratch_of(Scratch::patches, kPoints * plane_in), *m = scratch_of(Scratch::block, kPoints * plane_out);
    input_planes<V>(patches, first, count, v, count * lanes<V>, plane_in);
    for (int i = 0; i < kPoints; i++) forward_block<V>(count, v + i * plane_in, C, u + i * weight_plane, none, O, m + i * plane_out);
    output_tiles<V>(patches, first, count, m, plane_out, bias, O, out.y, O, out.epilogue);
  });
}

// Transforms the inputs first; then threads take panels of output channels and transform the weights of each panel right before use. If
// there are more weights than image data, transformed weights would otherwise go through memory.
template <class V>
void convolve_by_columns(const Patches &patches, int64_t tiles, const FilterOperand &filter, const float *bias, const float *none,
                         const Output &out) {
  constexpr int64_t kTiles = 4, kInner = 64, width = kVectors * lanes<V>;
  const int64_t C = patches.C, O = filter.columns, slab = tiles * lanes<V>, plane_in = tiles * C + kPad, plane_out = tiles * width + kPad,
                plane_weights = kInner * width + kPad;
  float *v = scratch_of(Scratch::planes, kPoints * plane_in);
  parallel_for(ceil_div(tiles, kTiles), [&](int64_t chunk) {
    const int64_t first = chunk * kTiles, count = std::min(kTiles, tiles - first);
    input_planes<V>(patches, first, count, v + first * lanes<V>, slab, plane_in);
  });
  parallel_for(ceil_div(O, width), [&](int64_t panel) {
    const int64_t column = panel * width, wide = std::min(width, O - column);
    float *u = scratch_of(Scratch::patches, kPoints * plane_weights), *m = scratch_of(Scratch::block, kPoints * plane_out);
    for (int64_t c = 0; c < C; c += kInner) {
      const int64_t count = std::min(kInner, C - c);
      weight_panel<V>(filter, column, wide, c, count, u, plane_weights);
      for (int i = 0; i < kPoints; i++) {
        float *to = m + i * plane_out;
        const Addend before = c ? Addend{to, wide} : Addend{none, 0};
        forward_panel<V>(tiles, count, v + i * plane_in + c / lanes<V> * slab, slab, u + i * plane_weights, before, to, wide, wide);
      }
    }
    output_tiles<V>(patches, 0, tiles, m, plane_out, bias + column, wide, out.y + column, O, out.epilogue.from(column));
  });
}

// The largest C * O for which each part of the tiles keeps all sums of the 36 products.
constexpr int64_t kWholeSums = 64 * 128;

// Threads take parts of the tiles; each part has its own sums.
template <class V>
void weight_gradient_by_tiles(const Patches &patches, int64_t tiles, const Conv2dBackwardWeight &a) {
  constexpr int64_t kParts = 8, kTiles = 96;
  const int64_t per_part = ceil_div(tiles, kParts), parts = ceil_div(tiles, per_part);
  const int64_t block = ceil_div(per_part, ceil_div(per_part, kTiles)), slab = block * lanes<V>;
  const int64_t plane_in = block * a.C + kPad, plane_gradient = block * a.O + kPad, size = kPoints * a.O * a.C;
  float *sums = scratch_of(Scratch::partials, parts * size);
  parallel_for(parts, [&](int64_t part) {
    float *sum = sums + part * size;
    std::fill_n(sum, size, 0.0f);
    float *v = scratch_of(Scratch::patches, kPoints * plane_in), *z = scratch_of(Scratch::block, kPoints * plane_gradient);
    const int64_t end = std::min(tiles, (part + 1) * per_part);
    for (int64_t first = part * per_part; first < end; first += block) {
      const int64_t count = std::min(block, end - first);
      input_planes<V>(patches, first, count, v, slab, plane_in);
      gradient_planes<V>(patches, first, count, a.dy, a.O, z, slab, plane_gradient);
      for (int i = 0; i < kPoints; i++)
        weight_block<V>(count, slab, z + i * plane_gradient, a.O, v + i * plane_in, a.C, sum + i * a.O * a.C, a.C);
    }
  });
  parallel_for(a.O, [&](int64_t o) { products_to_weights<V>(sums + o * a.C, a.O * a.C, parts, a.C, false, a.dweight + o * a.C * 9); });
}

// Transforms both sides first, for as many tiles at a time as fit the third-level cache; then threads take blocks of the weights.
template <class V>
void weight_gradient_by_weights(const Patches &patches, int64_t tiles, const Conv2dBackwardWeight &a) {
  constexpr int64_t kFloats = 1 << 22, kTiles = 4, kRows = 128, kOutputs = 64, kInputs = kWeightVectors<V> * lanes<V>,
                    plane = kOutputs * kInputs + kPad;
  const int64_t times = ceil_div(kPoints * (a.C + a.O) * tiles, kFloats), most = ceil_div(tiles, times), slab = most * lanes<V>;
  const int64_t plane_in = most * a.C + kPad, plane_gradient = most * a.O + kPad;
  float *v = scratch_of(Scratch::planes, kPoints * plane_in), *z = scratch_of(Scratch::partials, kPoints * plane_gradient);
  for (int64_t begin = 0; begin < tiles; begin += most) {
    const int64_t all = std::min(most, tiles - begin), blocks = ceil_div(a.C, kInputs);
    parallel_for(ceil_div(all, kTiles), [&](int64_t chunk) {
      const int64_t first = chunk * kTiles, count = std::min(kTiles, all - first);
      input_planes<V>(patches, begin + first, count, v + first * lanes<V>, slab, plane_in);
      gradient_planes<V>(patches, begin + first, count, a.dy, a.O, z + first * lanes<V>, slab, plane_gradient);
    });
    parallel_for(ceil_div(a.O, kOutputs) * blocks, [&](int64_t index) {
      const int64_t o = index / blocks * kOutputs, c = index % blocks * kInputs;
      const int64_t outputs = std::min(kOutputs, a.O - o), inputs = std::min(kInputs, a.C - c);
      float *sum = scratch_of(Scratch::block, kPoints * plane);
      std::fill_n(sum, kPoints * plane, 0.0f);
      for (int i = 0; i < kPoints; i++) {
        const float *zi = z + i * plane_gradient + o / lanes<V> * slab, *vi = v + i * plane_in + c / lanes<V> * slab;
        for (int64_t row = 0; row < all; row += kRows)
          weight_block<V>(std::min(kRows, all - row), slab, zi + row * lanes<V>, outputs, vi + row * lanes<V>, inputs, sum + i * plane,
                          kInputs);
      }
      for (int64_t i = 0; i < outputs; i++)
        products_to_weights<V>(sum + i * kInputs, plane, 1, inputs, begin > 0, a.dweight + ((o + i) * a.C + c) * 9);
    });
  }
}

}  // namespace winograd

template <class V>
void convolve_by_winograd(const Patches &patches, int64_t N, const FilterOperand &filter, const float *bias, const Output &out) {
  const int64_t tiles = winograd::tiles_of(patches, N), O = filter.columns;
  const float *added = padded_bias<V>(bias, O), *none = added + O;
  const auto convolve = tiles < O ? winograd::convolve_by_columns<V> : winograd::convolve_by_tiles<V>;
  convolve(patches, tiles, filter, added, none, out);
}

template <class V>
void weight_gradient_by_winograd(const Patches &patches, const Conv2dBackwardWeight &a) {
  const auto gradient = a.C * a.O <= winograd::kWholeSums ? winograd::weight_gradient_by_tiles<V> : winograd::weight_gradient_by_weights<V>;
  gradient(patches, winograd::tiles_of(patches, a.N), a);
}

}  // namespace
}  // namespace distill
