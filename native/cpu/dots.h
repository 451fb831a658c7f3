// Convolution of few patches, as in the deep layers for a single image, for any vector type V of vec.h. There the weights are most of the
// memory traffic, and reordering them would cost more than the products. They are read once and in place, [O, (c, r, s)]. Patches are
// gathered in the same order, and each output is the dot product of two rows.
#pragma once

#include <algorithm>

#include "cpu/patches.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

constexpr int64_t kFewPatches = 64;

constexpr int64_t kFewDepth = 256;  // a piece this deep of the patches and of a few rows of weights stays in the first-level cache

// Patch `index` in the order (c, r, s), with zeros in the padding
inline void gather_by_channels(const Patches &a, int64_t index, float *to) {
  const int64_t q = index % a.Q, p = index / a.Q % a.P, n = index / (a.Q * a.P), taps = a.R * a.S;
  for (int64_t tap = 0; tap < taps; tap++) {
    const int64_t h = p * a.stride + a.top + tap / a.S, w = q * a.stride + a.left + tap % a.S;
    const bool inside = h >= 0 && h < a.H && w >= 0 && w < a.W;
    const Floats from = a.image + ((n * a.H + h) * a.W + w) * a.C;
    for (int64_t c = 0; c < a.C; c++) to[c * taps + tap] = inside ? from[c] : 0;
  }
}

// Patches [rows, K] as pieces [rows, kFewDepth], one after the other along K, in the thread's scratch
template <class V>
const float *gather_pieces(const Patches &a, int64_t rows) {
  const int64_t K = a.size();
  float *pieces = scratch_of(Scratch::patches, rows * K);
  parallel_for(rows, [&](int64_t row) {
    float *patch = scratch_of(Scratch::block, K);
    gather_by_channels(a, row, patch);
    for (int64_t k = 0; k < K; k += kFewDepth) {
      const int64_t depth = std::min(kFewDepth, K - k);
      copy_run<V>(patch + k, depth, pieces + k * rows + row * depth);
    }
  });
  return pieces;
}

// sums [MO][kFewPatches], of which MP are used, += weights [MO, K] (rows ld apart) times patches [MP, K], lane by lane
template <class V, int MO, int MP>
[[gnu::noinline]] void dots_tile(int64_t K, const float *weights, const float *patches, int64_t ld, V *sums) {
  V c[MO][MP];
#pragma GCC unroll 4
  for (int o = 0; o < MO; o++) {
#pragma GCC unroll 4
    for (int p = 0; p < MP; p++) c[o][p] = sums[o * kFewPatches + p];
  }
  for (int64_t k = 0; k < K; k += lanes<V>) {
    V weight[MO];
#pragma GCC unroll 4
    for (int o = 0; o < MO; o++) weight[o] = load<V>(weights + o * ld + k);
#pragma GCC unroll 4
    for (int p = 0; p < MP; p++) {
      const V x = load<V>(patches + p * K + k);
#pragma GCC unroll 4
      for (int o = 0; o < MO; o++) c[o][p] += weight[o] * x;
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < MO; o++) {
#pragma GCC unroll 4
    for (int p = 0; p < MP; p++) sums[o * kFewPatches + p] = c[o][p];
  }
}

template <class V, int MO, int MP = 4>
void dots_rows(int64_t rows, int64_t K, const float *weights, const float *patches, int64_t ld, V *sums) {
  for (; rows >= MP; rows -= MP, patches += MP * K, sums += MP) dots_tile<V, MO, MP>(K, weights, patches, ld, sums);
  if constexpr (MP > 1) {
    if (rows) dots_rows<V, MO, MP - 1>(rows, K, weights, patches, ld, sums);
  }
}

// y [N,P,Q,O] from weight [O,C,R,S] and bias [O] or null
template <class V>
void convolve_by_dots(const Patches &a, int64_t N, const float *weight, const float *bias, int64_t O, float *y) {
  constexpr int64_t kOutputs = 6;
  const int64_t rows = N * a.P * a.Q, K = a.size();
  const float *patches = gather_pieces<V>(a, rows);
  parallel_for(ceil_div(O, kOutputs), [&](int64_t block) {
    const int64_t first = block * kOutputs, outputs = std::min(kOutputs, O - first);
    V sums[kOutputs * kFewPatches] = {};
    for (int64_t k = 0; k < K; k += kFewDepth) {
      const int64_t depth = std::min(kFewDepth, K - k);
      const float *weights = weight + first * K + k;
      int64_t o = 0;
      for (; o + 3 <= outputs; o += 3) dots_rows<V, 3>(rows, depth, weights + o * K, patches + k * rows, K, sums + o * kFewPatches);
      for (; o < outputs; o++) dots_rows<V, 1>(rows, depth, weights + o * K, patches + k * rows, K, sums + o * kFewPatches);
    }
    for (int64_t o = 0; o < outputs; o++) {
      for (int64_t row = 0; row < rows; row++)
        y[row * O + first + o] = reduce_sum(sums[o * kFewPatches + row]) + (bias ? bias[first + o] : 0);
    }
  });
}

}  // namespace
}  // namespace distill
