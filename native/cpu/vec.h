// Vectors of floats as wide as the instruction set: kernels are templates over V = Vec8 or Vec16, instantiated in <op>.<isa>.cpp.
//
// Everything here and in such templates has internal linkage: a function that two files with different instruction sets share would be
// kept once, with the instructions of either, and run on processors that lack them. For the same reason such files take nothing from
// the standard library that is not sure to be inlined.
#pragma once

#include <cstdint>

namespace distill {
namespace {

using Vec8 [[gnu::vector_size(32)]] = float;
using Vec16 [[gnu::vector_size(64)]] = float;

template <class V>
struct VecTraits;
template <>
struct VecTraits<Vec8> {
  using Int [[gnu::vector_size(32)]] = int32_t;
};
template <>
struct VecTraits<Vec16> {
  using Int [[gnu::vector_size(64)]] = int32_t;
};
// As many 32-bit integers, which comparisons give (-1 true, 0 false)
template <class V>
using IntVec = typename VecTraits<V>::Int;

template <class V>
constexpr int lanes = sizeof(V) / sizeof(float);

template <class V>
inline V load(const float *from) {
  V v;
  __builtin_memcpy(&v, from, sizeof(V));
  return v;
}

template <class V>
inline void store(float *to, V v) {
  __builtin_memcpy(to, &v, sizeof(V));
}

// The first `count` lanes; the others are zero.
template <class V>
inline V load_first(const float *from, int64_t count) {
  V v{};
  __builtin_memcpy(&v, from, static_cast<size_t>(count) * sizeof(float));
  return v;
}

template <class V>
inline void store_first(float *to, V v, int64_t count) {
  __builtin_memcpy(to, &v, static_cast<size_t>(count) * sizeof(float));
}

template <class V>
inline V broadcast(float value) {
  return V{} + value;
}

// As std::max: b where a < b, else a
template <class V>
inline V max(V a, V b) {
  return a < b ? b : a;
}
template <class V>
inline V min(V a, V b) {
  return b < a ? b : a;
}

template <class V>
inline float reduce_sum(V v) {
  float parts[lanes<V>];
  store(parts, v);
  for (int half = lanes<V> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

template <class V>
inline float reduce_max(V v) {
  float parts[lanes<V>];
  store(parts, v);
  for (int half = lanes<V> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] = parts[i] < parts[i + half] ? parts[i + half] : parts[i];
  return parts[0];
}

// e^x, relative error below 2e-7; 0 below -87.3, infinity above 88.7, NaN stays.
// x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by its Taylor series to the 7th power.
template <class V>
inline V exp(V x) {
  constexpr float kLog2e = 1.44269504f, kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  const V low = broadcast<V>(-87.33f), high = broadcast<V>(88.72f);
  const V bounded = x < low ? low : x > high ? high : x;
  const V shifted = bounded * kLog2e + kRound;
  const V n = shifted - kRound;
  const V r = (bounded - n * kLn2High) - n * kLn2Low;
  V p = r * (1 / 5040.0f) + 1 / 720.0f;
  p = p * r + 1 / 120.0f;
  p = p * r + 1 / 24.0f;
  p = p * r + 1 / 6.0f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  // Twice 2^(n/2): 2^128 is no float.
  IntVec<V> exponent;
  __builtin_memcpy(&exponent, &shifted, sizeof(V));
  exponent -= 0x4B400000;
  const IntVec<V> first = exponent >> 1, second = exponent - first;
  V scale1, scale2;
  const IntVec<V> bits1 = (first + 127) << 23, bits2 = (second + 127) << 23;
  __builtin_memcpy(&scale1, &bits1, sizeof(V));
  __builtin_memcpy(&scale2, &bits2, sizeof(V));
  const V y = p * scale1 * scale2;
  return x < low ? V{} : x > high ? broadcast<V>(__builtin_inff()) : x != x ? x : y;
}

}  // namespace
}  // namespace distill
