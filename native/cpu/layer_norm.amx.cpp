// Layer norm of rows that fit the registers, in bf16 but for x, which may be the fp32 sum of a transformer's blocks, for the widths of
// ViT-tiny and ViT-small: each number is converted once, and two vectors by one instruction. Other widths take the loops of layer_norm.h.
#include "cpu/layer_norm.h"

#include "cpu/tile_packing.h"
#include "cpu/variants.h"

namespace distill::amx {

namespace {

// Sums in two chains, as one would wait for each of its additions.
template <int vectors>
[[gnu::always_inline]] inline float sum_of(const Vec16 (&v)[vectors]) {
  Vec16 even = v[0], odd = v[1];
#pragma GCC unroll 32
  for (int i = 2; i < vectors; i += 2) {
    even += v[i];
    odd += v[i + 1];
  }
  return reduce_sum(even + odd);
}

inline const float *numbers(Floats from, float) { return from.f32(); }
inline const bf16 *numbers(Floats from, bf16) { return from.as_bf16(); }

[[gnu::always_inline]] inline void store_two(bf16 *to, Vec16 low, Vec16 high) { store_line(to, narrow(low, high)); }
[[gnu::always_inline]] inline void store_two(float *to, Vec16 low, Vec16 high) {
  store(to, low);
  store(to + 16, high);
}

// X: how x is stored
template <int vectors, class X>
void normalise(const LayerNormForward &op, int64_t m) {
  constexpr int64_t kWidth = vectors * 16;
  const X *x = numbers(op.x, X{}) + m * kWidth;
  bf16 *y = op.y.as_bf16() + m * kWidth;
  Vec16 v[vectors];
#pragma GCC unroll 32
  for (int i = 0; i < vectors; ++i) v[i] = load<Vec16>(x + 16 * i);
  const float mean = sum_of(v) * (1.0f / kWidth);
  Vec16 even{}, odd{};
#pragma GCC unroll 32
  for (int i = 0; i < vectors; i += 2) {
    v[i] -= mean;
    v[i + 1] -= mean;
    even += v[i] * v[i];
    odd += v[i + 1] * v[i + 1];
  }
  const float rstd = 1.0f / __builtin_sqrtf(reduce_sum(even + odd) * (1.0f / kWidth) + op.eps);
#pragma GCC unroll 32
  for (int i = 0; i < vectors; i += 2) {
    const auto scaled = [&](int j) { return v[j] * rstd * load<Vec16>(op.weight + 16 * j) + load<Vec16>(op.bias + 16 * j); };
    store_line(y + 16 * i, narrow(scaled(i), scaled(i + 1)));
  }
  op.mean[m] = mean;
  op.rstd[m] = rstd;
}

// As backward_row of layer_norm.h
template <int vectors, class X>
void backward(const LayerNormBackward &op, int64_t m, float *sums) {
  constexpr int64_t kWidth = vectors * 16;
  const X *x = numbers(op.x, X{}) + m * kWidth;
  const bf16 *dy = op.dy.as_bf16() + m * kWidth;
  X *dx = static_cast<X *>(op.dx.data) + m * kWidth;
  const float rstd = op.rstd[m], shift = -op.mean[m] * rstd;
  Vec16 n[vectors], g[vectors], sum{}, projected{};
#pragma GCC unroll 32
  for (int i = 0; i < vectors; ++i) {
    n[i] = load<Vec16>(x + 16 * i) * rstd + shift;
    const Vec16 slope = load<Vec16>(dy + 16 * i);
    store(sums + 16 * i, load<Vec16>(sums + 16 * i) + slope * n[i]);
    store(sums + kWidth + 16 * i, load<Vec16>(sums + kWidth + 16 * i) + slope);
    g[i] = slope * load<Vec16>(op.weight + 16 * i);
    sum += g[i];
    projected += g[i] * n[i];
  }
  const float mean_g = reduce_sum(sum) * (1.0f / kWidth), mean_gn = reduce_sum(projected) * (1.0f / kWidth);
#pragma GCC unroll 32
  for (int i = 0; i < vectors; i += 2) {
    const auto gradient = [&](int j) { return (g[j] - mean_g - n[j] * mean_gn) * rstd; };
    store_two(dx + 16 * i, gradient(i), gradient(i + 1));
  }
}

constexpr int64_t kTiny = 192, kSmall = 384;

}  // namespace

void layer_norm_forward(const LayerNormForward &op) {
  if (op.y.storage == Storage::bf16 && (op.D == kTiny || op.D == kSmall)) {
    const bool tiny = op.D == kTiny;
    if (op.x.storage == Storage::bf16) return normalise_rows(op, tiny ? normalise<kTiny / 16, bf16> : normalise<kSmall / 16, bf16>);
    return normalise_rows(op, tiny ? normalise<kTiny / 16, float> : normalise<kSmall / 16, float>);
  }
  avx512_bf16::layer_norm_forward(op);
}

// Twice as many registers would be needed for the width of ViT-small.
void layer_norm_backward(const LayerNormBackward &op) {
  if (op.dy.storage == Storage::bf16 && op.D == kTiny)
    return backward_rows<Vec16>(op, op.x.storage == Storage::bf16 ? backward<kTiny / 16, bf16> : backward<kTiny / 16, float>);
  avx512_bf16::layer_norm_backward(op);
}

}  // namespace distill::amx
