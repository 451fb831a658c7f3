// Pairs of bf16 numbers that are neighbours along the sum of a product. Processors with AVX512_BF16 multiply and add both at once; others
// compute the same from the two numbers, for tests. A vector of pairs has the type of a vector of floats but is never used as floats.
#pragma once

#include "cpu/vec.h"

namespace distill {
namespace {

struct Pair {
  bf16 first, second;
};

// How many numbers a factor of type F holds: F is float or Pair.
template <class F>
constexpr int64_t per_factor = sizeof(F) / sizeof(bf16);
template <>
inline constexpr int64_t per_factor<float> = 1;

inline const Pair *as_pairs(const bf16 *numbers) { return reinterpret_cast<const Pair *>(numbers); }

// Pairs made of one lane of each vector; both hold bf16 numbers
template <class V>
inline V interleave(V first, V second) {
  using Bits = typename VecTraits<V>::Bits;
  return as<V>(as<Bits>(first) >> 16 | as<Bits>(second));
}

// `count` pairs of neighbouring numbers, rounded to bf16
template <class V>
inline V load_pairs(const float *from, int64_t count) {
  bf16 numbers[2 * lanes<V>];
  const int64_t low = 2 * count < lanes<V> ? 2 * count : lanes<V>;
  store(numbers, load_some<V>(from, low));
  store(numbers + lanes<V>, load_some<V>(from + low, 2 * count - low));
  return load<V>(as_pairs(numbers));
}

// The same pair in all lanes
template <class V>
inline V broadcast(Pair pair) {
  uint32_t both;
  __builtin_memcpy(&both, &pair, sizeof(both));
  return as<V>(typename VecTraits<V>::Bits{} + both);
}

// sum += a * b in each lane; for pairs, a.first * b.first + a.second * b.second
template <class F, class V>
inline void add_product(V &sum, V a, V b) {
  if constexpr (per_factor<F> == 1) {
    sum += a * b;
  } else {
#if defined(__AVX512BF16__)
    sum = as<V>(_mm512_dpbf16_ps(as<__m512>(sum), as<__m512bh>(a), as<__m512bh>(b)));
#else
    using Bits = typename VecTraits<V>::Bits;
    constexpr uint32_t kSecond = 0xffff0000;
    sum += as<V>(as<Bits>(a) & kSecond) * as<V>(as<Bits>(b) & kSecond);
    sum += as<V>(as<Bits>(a) << 16) * as<V>(as<Bits>(b) << 16);
#endif
  }
}

}  // namespace
}  // namespace distill
