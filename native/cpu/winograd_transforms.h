// The transforms of Winograd's minimal filtering F(4x4, 3x3) (winograd.h), for any vector type V of vec.h.
#pragma once

#include "cpu/vec.h"

namespace distill {
namespace {

namespace winograd {

constexpr int kOut = 4, kIn = 6, kPoints = kIn * kIn;
constexpr float a = 0.75f, a2 = a * a, a3 = a2 * a, b = 1.5f, b2 = b * b, b3 = b2 * b;
constexpr float k0 = 1 / (a2 * b2), ka = 1 / (2 * a2 * (a2 - b2)), kb = 1 / (2 * b2 * (b2 - a2));

// B^T on six values `step` apart, in place
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

// G on three weights `step` apart
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

// A^T on six products `step` apart
template <class V>
inline void transform_output(const V *m, int step, V *y, int ystep) {
  const V sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
  const V sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
  y[0] = m[0] + sum_a + sum_b;
  y[ystep] = a * difference_a + b * difference_b;
  y[2 * ystep] = a2 * sum_a + b2 * sum_b;
  y[3 * ystep] = a3 * difference_a + b3 * difference_b + m[5 * step];
}

// A on four gradients, and G^T on six products: the adjoints of the two above
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

// The same for a tile, first down its columns and then along its rows, through `half` in the first-level cache: there are not enough
// registers for both directions at once.
template <class V, class T>
inline void transform_input_tile(const T *const (&at)[kPoints], int64_t c, float *to, int64_t plane) {
  V half[kPoints], d[kIn];
#pragma GCC unroll 1
  for (int j = 0; j < kIn; j++) {
    for (int i = 0; i < kIn; i++) d[i] = load<V>(at[kIn * i + j] + c);
    transform_input(d, 1);
    for (int i = 0; i < kIn; i++) half[kIn * i + j] = d[i];
  }
#pragma GCC unroll 1
  for (int i = 0; i < kIn; i++) {
    for (int j = 0; j < kIn; j++) d[j] = half[kIn * i + j];
    transform_input(d, 1);
    for (int j = 0; j < kIn; j++, to += plane) store(to, d[j]);
  }
}
template <class V>
inline void transform_weight_tile(const float *taps, float *to, int64_t plane) {
  V half[3 * kIn], g[3], u[kIn];
#pragma GCC unroll 1
  for (int s = 0; s < 3; s++) {
    for (int r = 0; r < 3; r++) g[r] = load<V>(taps + (3 * r + s) * lanes<V>);
    transform_weights(g, 1, half + s, 3);
  }
#pragma GCC unroll 1
  for (int i = 0; i < kIn; i++) {
    transform_weights(half + 3 * i, 1, u, 1);
    for (int j = 0; j < kIn; j++, to += plane) store(to, u[j]);
  }
}
template <class V>
inline void transform_output_tile(const float *from, int64_t plane, V bias, V (&out)[kOut * kOut]) {
  V half[kOut * kIn], m[kIn];
#pragma GCC unroll 1
  for (int j = 0; j < kIn; j++, from += plane) {
    for (int i = 0; i < kIn; i++) m[i] = load<V>(from + kIn * i * plane);
    transform_output(m, 1, half + j, kIn);
  }
#pragma GCC unroll 1
  for (int i = 0; i < kOut; i++) {
    transform_output(half + kIn * i, 1, m, 1);
    for (int j = 0; j < kOut; j++) out[kOut * i + j] = m[j] + bias;
  }
}
template <class V, class T>
inline void transform_gradient_tile(const T *const (&at)[kOut * kOut], int64_t o, float *to, int64_t plane) {
  V half[kIn * kOut], d[kOut], z[kIn];
#pragma GCC unroll 1
  for (int j = 0; j < kOut; j++) {
    for (int i = 0; i < kOut; i++) d[i] = load<V>(at[kOut * i + j] + o);
    transform_gradient(d, 1, half + j, kOut);
  }
#pragma GCC unroll 1
  for (int i = 0; i < kIn; i++) {
    transform_gradient(half + kOut * i, 1, z, 1);
    for (int j = 0; j < kIn; j++, to += plane) store(to, z[j]);
  }
}
// for the sum of `parts` products of 36 planes each
template <class V>
inline void transform_product_tile(const float *from, int64_t plane, int64_t parts, float *to) {
  V half[3 * kIn], u[kIn], g[3];
#pragma GCC unroll 1
  for (int j = 0; j < kIn; j++, from += plane) {
    for (int i = 0; i < kIn; i++) u[i] = load<V>(from + kIn * i * plane);
    for (int64_t part = 1; part < parts; part++) {
      for (int i = 0; i < kIn; i++) u[i] += load<V>(from + (part * kPoints + kIn * i) * plane);
    }
    transform_products(u, 1, half + j, kIn);
  }
#pragma GCC unroll 1
  for (int i = 0; i < 3; i++) {
    transform_products(half + kIn * i, 1, g, 1);
    for (int j = 0; j < 3; j++) store(to + (3 * i + j) * lanes<V>, g[j]);
  }
}

}  // namespace winograd

}  // namespace
}  // namespace distill
