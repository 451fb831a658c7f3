// Pooling for any vector type V of vec.h, one vector of channels at a time, instantiated in pool.<isa>.cpp.
#pragma once

#include <algorithm>

#include "cpu/image_layout.h"
#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// Calls body(c, count) for vectors of channels; in the last one count may be below lanes<V>.
template <class V, class Body>
inline void for_channels(int64_t C, const Body &body) {
  for (int64_t c = 0; c < C; c += lanes<V>) body(c, std::min<int64_t>(lanes<V>, C - c));
}

template <class V>
void average_pool_forward(const AveragePoolForward &a) {
  const int64_t pixels = a.H * a.W;
  const ImageLayout in(a.hwnc, a.N, pixels);
  parallel_for(a.N, [&](int64_t n) {
    for_channels<V>(a.C, [&](int64_t c, int64_t count) {
      V sum{};
      for (int64_t i = 0; i < pixels; i++) sum += load_some<V>(a.x + in.at(n, i) * a.C + c, count);
      store_some(a.y + n * a.C + c, sum / float(pixels), count);
    });
  });
}

template <class V>
void average_pool_backward(const AveragePoolBackward &a) {
  const int64_t pixels = a.H * a.W;
  const ImageLayout in(a.hwnc, a.N, pixels);
  parallel_for(a.N, [&](int64_t n) {
    for_channels<V>(a.C, [&](int64_t c, int64_t count) {
      const V dx = load_some<V>(a.dy + n * a.C + c, count) / float(pixels);
      for (int64_t i = 0; i < pixels; i++) store_some(a.dx + in.at(n, i) * a.C + c, dx, count);
    });
  });
}

// The window [top, bottom) x [left, right) of image n for channels c ... c + count - 1; NaN wins over everything, as in PyTorch.
template <class V>
void max_of_window(const MaxPoolForward &a, int64_t n, int64_t top, int64_t left, int64_t c, int64_t count, FloatsOut y, int32_t *indices) {
  const int64_t bottom = std::min(top + a.kernel, a.H), right = std::min(left + a.kernel, a.W);
  const ImageLayout in(a.hwnc, a.N, a.H * a.W);
  top = std::max<int64_t>(top, 0);
  left = std::max<int64_t>(left, 0);
  V most = load_some<V>(a.x + in.at(n, top * a.W + left) * a.C + c, count);
  IntVec<V> winner = IntVec<V>{} + int32_t(top * a.W + left);
  for (int64_t h = top; h < bottom; h++) {
    for (int64_t w = left; w < right; w++) {
      const V x = load_some<V>(a.x + in.at(n, h * a.W + w) * a.C + c, count);
      const IntVec<V> wins = (x > most) | (x != x);
      most = wins ? x : most;
      winner = wins ? IntVec<V>{} + int32_t(h * a.W + w) : winner;
    }
  }
  store_some(y, most, count);
  __builtin_memcpy(indices, &winner, size_t(count) * sizeof(int32_t));
}

template <class V>
void max_pool_forward(const MaxPoolForward &a) {
  const ImageLayout outputs(a.hwnc, a.N, a.P * a.Q);
  parallel_for(a.N * a.P, [&](int64_t row) {
    const int64_t n = row / a.P, p = row % a.P, top = p * a.stride - a.padding;
    for (int64_t q = 0; q < a.Q; q++) {
      const int64_t out = outputs.at(n, p * a.Q + q) * a.C;
      for_channels<V>(a.C, [&](int64_t c, int64_t count) {
        max_of_window<V>(a, n, top, q * a.stride - a.padding, c, count, a.y + out + c, a.indices + out + c);
      });
    }
  });
}

}  // namespace
}  // namespace distill
