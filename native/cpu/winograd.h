// Convolution 3x3 of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2015), for any vector type V of vec.h.
//
// A tile of 4x4 outputs comes from 6x6 inputs: both sides are taken to values at 6x6 points, multiplied there, 36 products where a plain
// sum has 144, and taken back: Y = A^T [(G g G^T) * (B^T d B)] A. The points 0, +-3/4, +-3/2 and infinity halve the rounding error of the
// customary 0, +-1, +-2: relative L2 error about 1e-6 at 256 channels.
#pragma once

#include <algorithm>

#include "cpu/convolve.h"
#include "cpu/patches.h"
#include "cpu/products.h"
#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

namespace winograd {

constexpr int kOut = 4, kIn = 6, kPoints = kIn * kIn;
constexpr float a = 0.75f, a2 = a * a, a3 = a2 * a, b = 1.5f, b2 = b * b, b3 = b2 * b;
constexpr float k0 = 1 / (a2 * b2), ka = 1 / (2 * a2 * (a2 - b2)), kb = 1 / (2 * b2 * (b2 - a2));

// B^T of six values `step` apart, in place
template <class V>
inline void transform_input(V *d, int step) {
  const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const V even_a = d4 - b2 * d2, odd_a = a * (d3 - b2 * d1), even_b = d4 - a2 * d2, odd_b = b * (d3 - a2 * d1);
  d[0] = a2 * b2 * d0 - (a2 + b2) * d2 + d4;
  d[step] = even_a + odd_a;
  d[2 * step] = even_a - odd_a;
  d[3 * step] = even_b + odd_b;
  d[4 * step] = even_b - odd_b;
  d[5 * step] = a2 * b2 * d1 - (a2 + b2) * d3 + d5;
}

// G of three weights `step` apart
template <class V>
inline void transform_weights(const V *g, int step, V *u, int ustep) {
  const V g0 = g[0], g1 = g[step], g2 = g[2 * step];
  u[0] = k0 * g0;
  u[ustep] = ka * (g0 + a2 * g2 + a * g1);
  u[2 * ustep] = ka * (g0 + a2 * g2 - a * g1);
  u[3 * ustep] = kb * (g0 + b2 * g2 + b * g1);
  u[4 * ustep] = kb * (g0 + b2 * g2 - b * g1);
  u[5 * ustep] = g2;
}

// A^T of six products `step` apart
template <class V>
inline void transform_output(const V *m, int step, V *y, int ystep) {
  const V sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
  const V sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
  y[0] = m[0] + sum_a + sum_b;
  y[ystep] = a * difference_a + b * difference_b;
  y[2 * ystep] = a2 * sum_a + b2 * sum_b;
  y[3 * ystep] = a3 * difference_a + b3 * difference_b + m[5 * step];
}

// A of four gradients, and G^T of six products: the adjoints of the two above
template <class V>
inline void transform_gradient(const V *d, int step, V *z, int zstep) {
  const V even_a = d[0] + a2 * d[2 * step], odd_a = a * d[step] + a3 * d[3 * step];
  const V even_b = d[0] + b2 * d[2 * step], odd_b = b * d[step] + b3 * d[3 * step];
  z[0] = d[0];
  z[zstep] = even_a + odd_a;
  z[2 * zstep] = even_a - odd_a;
  z[3 * zstep] = even_b + odd_b;
  z[4 * zstep] = even_b - odd_b;
  z[5 * zstep] = d[3 * step];
}
template <class V>
inline void transform_products(const V *u, int step, V *g, int gstep) {
  const V sum_a = ka * (u[step] + u[2 * step]), difference_a = ka * (u[step] - u[2 * step]);
  const V sum_b = kb * (u[3 * step] + u[4 * step]), difference_b = kb * (u[3 * step] - u[4 * step]);
  g[0] = k0 * u[0] + sum_a + sum_b;
  g[gstep] = a * difference_a + b * difference_b;
  g[2 * gstep] = a2 * sum_a + b2 * sum_b + u[5 * step];
}

// Tile t of the output: image n, first pixel (p, q).
struct Tile {
  int64_t n, p, q;

  Tile(const Patches &patches, int64_t t) {
    const int64_t across = ceil_div(patches.Q, kOut), down = ceil_div(patches.P, kOut);
    n = t / (across * down);
    p = t / across % down * kOut;
    q = t % across * kOut;
  }
};

// Packed weights as of `pack`, one matrix [C,O] after the other for the 9 taps within each panel -> matrices for the 36 points, each
// packed by itself, `plane` apart.
template <class V>
const float *weight_planes(const Weights &weights, int64_t plane) {
  constexpr int64_t width = kVectors * lanes<V>;
  const float *packed = pack<V>(weights);
  float *planes = scratch_of(Scratch::planes, kPoints * plane);
  const int64_t columns = ceil_div(weights.columns, lanes<V>) * lanes<V>, C = weights.inner;
  parallel_for(columns / lanes<V>, [&](int64_t index) {
    const int64_t panel = index * lanes<V> / width * width, ld = std::min(width, columns - panel);
    const int64_t first = panel * C + index * lanes<V> - panel;
    for (int64_t c = 0; c < C; c++) {
      V g[9], half[3 * kIn], u[kPoints];
      for (int tap = 0; tap < 9; tap++) g[tap] = load<V>(packed + panel * 9 * C + (tap * C + c) * ld + index * lanes<V> - panel);
      for (int s = 0; s < 3; s++) transform_weights(g + s, 3, half + s, 3);
      for (int i = 0; i < kIn; i++) transform_weights(half + 3 * i, 1, u + kIn * i, 1);
      for (int i = 0; i < kPoints; i++) store(planes + i * plane + first + c * ld, u[i]);
    }
  });
  return planes;
}

// Where the 36 inputs of a tile lie, null in the padding.
inline void inputs_of(const Patches &patches, const Tile &tile, const float *(&at)[kPoints]) {
  for (int i = 0; i < kIn; i++) {
    const int64_t h = tile.p + patches.top + i;
    const bool inside = h >= 0 && h < patches.H;
    const float *row = patches.image + (tile.n * patches.H + (inside ? h : 0)) * patches.W * patches.C;
    for (int j = 0; j < kIn; j++) {
      const int64_t w = tile.q + patches.left + j;
      at[kIn * i + j] = inside && w >= 0 && w < patches.W ? row + w * patches.C : nullptr;
    }
  }
}

// Inputs of `count` tiles to 36 matrices [count, C] in slabs, `plane` apart
template <class V>
void input_planes(const Patches &patches, int64_t first, int64_t count, float *planes, int64_t plane) {
  static const float zeros[lanes<V>] = {};
  for (int64_t t = 0; t < count; t++) {
    const float *at[kPoints];
    inputs_of(patches, Tile(patches, first + t), at);
    for (int64_t c = 0; c < patches.C; c += lanes<V>) {
      V d[kPoints];
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; i++) d[i] = load<V>(at[i] ? at[i] + c : zeros);
#pragma GCC unroll 6
      for (int j = 0; j < kIn; j++) transform_input(d + j, kIn);
#pragma GCC unroll 6
      for (int i = 0; i < kIn; i++) transform_input(d + kIn * i, 1);
      float *to = planes + c * count + t * lanes<V>;
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; i++) store(to + i * plane, d[i]);
    }
  }
}

// 36 matrices of products [count, columns], `plane` apart, to the tiles of y [N,P,Q,columns]
template <class V>
void output_tiles(const Patches &patches, int64_t first, int64_t count, const float *planes, int64_t plane, const float *bias,
                  int64_t columns, float *y) {
  for (int64_t t = 0; t < count; t++) {
    const Tile tile(patches, first + t);
    const int64_t rows = std::min<int64_t>(kOut, patches.P - tile.p), wide = std::min<int64_t>(kOut, patches.Q - tile.q);
    float *corner = y + ((tile.n * patches.P + tile.p) * patches.Q + tile.q) * columns;
    for (int64_t o = 0; o < columns; o += lanes<V>) {
      V m[kPoints], half[kOut * kIn], out[kOut * kOut];
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; i++) m[i] = load<V>(planes + i * plane + t * columns + o);
#pragma GCC unroll 6
      for (int j = 0; j < kIn; j++) transform_output(m + j, kIn, half + j, kIn);
#pragma GCC unroll 4
      for (int i = 0; i < kOut; i++) transform_output(half + kIn * i, 1, out + kOut * i, 1);
      const V offset = load<V>(bias + o);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < wide; j++) store(corner + (i * patches.Q + j) * columns + o, out[kOut * i + j] + offset);
      }
    }
  }
}

// Gradients [N,P,Q,O] of `count` tiles to 36 matrices [count, O], `plane` apart
template <class V>
void gradient_planes(const Patches &patches, int64_t first, int64_t count, const float *dy, int64_t O, float *planes, int64_t plane) {
  static const float zeros[lanes<V>] = {};
  for (int64_t t = 0; t < count; t++) {
    const Tile tile(patches, first + t);
    const float *corner = dy + ((tile.n * patches.P + tile.p) * patches.Q + tile.q) * O;
    const float *at[kOut * kOut];
    for (int i = 0; i < kOut; i++) {
      for (int j = 0; j < kOut; j++) {
        const bool inside = tile.p + i < patches.P && tile.q + j < patches.Q;
        at[kOut * i + j] = inside ? corner + (i * patches.Q + j) * O : nullptr;
      }
    }
    for (int64_t o = 0; o < O; o += lanes<V>) {
      V d[kOut * kOut], half[kIn * kOut], z[kPoints];
#pragma GCC unroll 16
      for (int i = 0; i < kOut * kOut; i++) d[i] = load<V>(at[i] ? at[i] + o : zeros);
#pragma GCC unroll 4
      for (int j = 0; j < kOut; j++) transform_gradient(d + j, kOut, half + j, kOut);
#pragma GCC unroll 6
      for (int i = 0; i < kIn; i++) transform_gradient(half + kOut * i, 1, z + kIn * i, 1);
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; i++) store(planes + i * plane + t * O + o, z[i]);
    }
  }
}

// dweight[o] [C,3,3] from `parts` of sums [36,O,C], added in their order
template <class V>
void products_to_weights(const float *sums, int64_t parts, int64_t O, int64_t C, int64_t o, float *dweight) {
  for (int64_t c = 0; c < C; c += lanes<V>) {
    V u[kPoints] = {}, half[3 * kIn], g[9];
    for (int64_t part = 0; part < parts; part++) {
      for (int i = 0; i < kPoints; i++) u[i] += load<V>(sums + ((part * kPoints + i) * O + o) * C + c);
    }
    for (int j = 0; j < kIn; j++) transform_products(u + j, kIn, half + j, kIn);
    for (int i = 0; i < 3; i++) transform_products(half + kIn * i, 1, g + 3 * i, 1);
    for (int tap = 0; tap < 9; tap++) {
      for (int lane = 0; lane < lanes<V>; lane++) dweight[(o * C + c + lane) * 9 + tap] = g[tap][lane];
    }
  }
}

}  // namespace winograd

// Whole vectors of channels, and tiles that are at least half used.
template <class V>
bool winograd_fits(const Patches &a, int64_t columns) {
  const int64_t tiles = ceil_div(a.P, winograd::kOut) * ceil_div(a.Q, winograd::kOut);
  return a.R == 3 && a.S == 3 && a.stride == 1 && a.C % lanes<V> == 0 && columns % lanes<V> == 0 &&
         2 * a.P * a.Q >= tiles * winograd::kOut * winograd::kOut;
}

template <class V>
void convolve_by_winograd(const Patches &patches, int64_t N, const Weights &weights, const float *bias, float *y) {
  using namespace winograd;
  constexpr int64_t kTiles = 24, kPad = 16;  // planes a power of two apart would fall into the same lines of the cache
  const int64_t C = patches.C, O = weights.columns, weight_plane = C * O + kPad, plane_in = kTiles * C + kPad,
                plane_out = kTiles * O + kPad;
  const int64_t tiles = N * ceil_div(patches.P, kOut) * ceil_div(patches.Q, kOut);
  const float *u = weight_planes<V>(weights, weight_plane);
  const float *added = padded_bias<V>(bias, O), *zeros = added + O;
  parallel_for(ceil_div(tiles, kTiles), [&](int64_t chunk) {
    const int64_t first = chunk * kTiles, count = std::min(kTiles, tiles - first);
    float *v = scratch_of(Scratch::patches, kPoints * plane_in), *m = scratch_of(Scratch::block, kPoints * plane_out);
    input_planes<V>(patches, first, count, v, plane_in);
    for (int i = 0; i < kPoints; i++) forward_block<V>(count, v + i * plane_in, C, u + i * weight_plane, zeros, O, m + i * plane_out);
    output_tiles<V>(patches, first, count, m, plane_out, added, O, y);
  });
}

// Greatest C * O at which the sums of 36 products stay in the second-level cache.
constexpr int64_t kWinogradWeights = 64 * 128;

template <class V>
void weight_gradient_by_winograd(const Patches &patches, const Conv2dBackwardWeight &a) {
  using namespace winograd;
  constexpr int64_t kFloats = 1 << 17, kParts = 16, kPad = 16;
  const int64_t tiles = a.N * ceil_div(a.P, kOut) * ceil_div(a.Q, kOut);
  const int64_t block = std::clamp<int64_t>(kFloats / (kPoints * (a.C + a.O)), 24, 96);
  const int64_t per_part = ceil_div(ceil_div(tiles, kParts), block) * block, parts = ceil_div(tiles, per_part);
  const int64_t plane_in = block * a.C + kPad, plane_gradient = block * a.O + kPad, size = kPoints * a.O * a.C;
  float *sums = scratch_of(Scratch::partials, parts * size);
  parallel_for(parts, [&](int64_t part) {
    float *sum = sums + part * size;
    std::fill_n(sum, size, 0.0f);
    float *v = scratch_of(Scratch::patches, kPoints * plane_in), *z = scratch_of(Scratch::block, kPoints * plane_gradient);
    const int64_t end = std::min(tiles, (part + 1) * per_part);
    for (int64_t first = part * per_part; first < end; first += block) {
      const int64_t count = std::min(block, end - first);
      input_planes<V>(patches, first, count, v, plane_in);
      gradient_planes<V>(patches, first, count, a.dy, a.O, z, plane_gradient);
      for (int i = 0; i < kPoints; i++) weight_block<V>(count, z + i * plane_gradient, a.O, v + i * plane_in, a.C, sum + i * a.O * a.C);
    }
  });
  parallel_for(a.O, [&](int64_t o) { products_to_weights<V>(sums, parts, a.O, a.C, o, a.dweight); });
}

}  // namespace
}  // namespace distill
