// Exponentials and logarithms for any vector type V of vec.h.
#pragma once

#include "cpu/vec.h"

namespace distill {
namespace {

// Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
constexpr float kRound = 12582912.0f;

// 2^(n + f) for integers n from -125 to 127, passed with kRound added, and |f| <= 1/2. Relative error below 2e-7: of the polynomials of
// degree 5 that are 1 at 0, this one has the smallest relative error, 9.2e-8. NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V exp2_of_parts(V rounded_n, V f) {
  V p = f * 1.3264727197e-3f + 9.6715126396e-3f;
  p = p * f + 5.5507337433e-2f;
  p = p * f + 2.4022242085e-1f;
  p = p * f + 6.9314697760e-1f;
  p = p * f + 1.0f;
  using Bits = typename VecTraits<V>::Bits;
  constexpr uint32_t kOne = 0x3f800000;
  return p * as<V>((as<Bits>(rounded_n) << 23) + kOne);
}

// 2^x for x from -125 to 127
template <class V>
[[gnu::always_inline]] inline V exp2_within(V x) {
  const V n = x + kRound;
  return exp2_of_parts(n, x - (n - kRound));
}

// 2^x for numbers that are rounded to bf16 next: relative error below 1.1e-4 up to 2^127, infinity from 2^128 on, 2^-126 for x below -126.
// 2^0 is 1: of the polynomials of degree 3 for which it is, this one has the smallest relative error. NaN stays NaN.
template <class V>
[[gnu::always_inline]] inline V rough_exp2(V x) {
  x = max(x, broadcast<V>(-126.0f));
  const auto power_of_fraction = [](V f) __attribute__((always_inline)) {
    return ((f * 5.500893e-2f + 2.4221097e-1f) * f + 6.932829e-1f) * f + 1.0f;
  };
#if defined(__AVX512DQ__)
  if constexpr (sizeof(V) == 64) {  // the same bits in fewer instructions
    const V f = as<V>(_mm512_maskz_reduce_ps(kAllLanes, as<__m512>(x), 0));
    return as<V>(_mm512_maskz_scalef_ps(kAllLanes, as<__m512>(power_of_fraction(f)), as<__m512>(x - f)));
  }
#endif
  constexpr float kBias = 127.0f;
  x = min(x, broadcast<V>(128.0f));
  const V n = x + (kRound + kBias);
  using Bits = typename VecTraits<V>::Bits;
  return power_of_fraction(x - (n - (kRound + kBias))) * as<V>(as<Bits>(n) << 23);
}

// e^x for x from -86.6 to 88.3, relative error below 2e-7
template <class V>
[[gnu::always_inline]] inline V exp_within(V x) {
  constexpr float kLog2e = 1.44269502f, kLog2eRest = 1.92596299e-8f;
  const V n = x * kLog2e + kRound;
  return exp2_of_parts(n, (x * kLog2e - (n - kRound)) + x * kLog2eRest);
}

constexpr float kLowestExponent = -86.6f;

// e^x for x up to about 0; 2e-38 below -86.6. NaN stays NaN, because max returns its first argument if the two do not compare.
template <class V>
[[gnu::always_inline]] inline V exp_up_to_one(V x) {
  return exp_within(max(x, broadcast<V>(kLowestExponent)));
}

// e^x; 0 below -86.6, infinity above 88.3. NaN stays NaN.
template <class V>
inline V exp(V x) {
  constexpr float kHighest = 88.3f;
  const V y = exp_within(x < kLowestExponent ? broadcast<V>(kLowestExponent) : x > kHighest ? broadcast<V>(kHighest) : x);
  return x < kLowestExponent ? V{} : x > kHighest ? broadcast<V>(__builtin_inff()) : y;
}

// ln x for normal numbers above 0, absolute error below 2e-7 + 1e-7 |ln x|: x = 2^n m with m in [sqrt(1/2), sqrt(2)), ln m by the
// polynomial of Cephes' logf (Moshier).
template <class V>
inline V log(V x) {
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  using Bits = typename VecTraits<V>::Bits;
  constexpr uint32_t kRootHalf = 0x3f3504f3, kOne = 0x3f800000;
  const Bits shifted = as<Bits>(x) + (kOne - kRootHalf);
  const V n = __builtin_convertvector(as<IntVec<V>>(shifted) >> 23, V) - 127.0f;
  const V r = as<V>((shifted & 0x7fffff) + kRootHalf) - 1.0f;
  V p = r * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * r + 1.1676998740e-1f;
  p = p * r - 1.2420140846e-1f;
  p = p * r + 1.4249322787e-1f;
  p = p * r - 1.6668057665e-1f;
  p = p * r + 2.0000714765e-1f;
  p = p * r - 2.4999993993e-1f;
  p = p * r + 3.3333331174e-1f;
  return n * kLn2High + (r + (p * r * r * r + n * kLn2Low - r * r * 0.5f));
}

}  // namespace
}  // namespace distill
