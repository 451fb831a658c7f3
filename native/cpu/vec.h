// Vectors of floats as wide as the instruction set: kernels are templates over V = Vec8 or Vec16, instantiated in <op>.<isa>.cpp.
//
// Everything here and in such templates has internal linkage: a function that two files with different instruction sets share would be
// kept once, with the instructions of either, and run on processors that lack them. For the same reason such files take nothing from
// the standard library that is not sure to be inlined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "floats.h"

namespace distill {
namespace {

using Vec8 [[gnu::vector_size(32)]] = float;
using Vec16 [[gnu::vector_size(64)]] = float;

template <class V>
struct VecTraits;
template <>
struct VecTraits<Vec8> {
  using Int [[gnu::vector_size(32)]] = int32_t;
  using Bits [[gnu::vector_size(32)]] = uint32_t;
  using Half [[gnu::vector_size(16)]] = uint16_t;
};
template <>
struct VecTraits<Vec16> {
  using Int [[gnu::vector_size(64)]] = int32_t;
  using Bits [[gnu::vector_size(64)]] = uint32_t;
  using Half [[gnu::vector_size(32)]] = uint16_t;
};
// As many 32-bit integers, which comparisons give (-1 true, 0 false)
template <class V>
using IntVec = typename VecTraits<V>::Int;

template <class V>
constexpr int lanes = sizeof(V) / sizeof(float);

// The same bits as another type
template <class To, class From>
inline To as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

// Half of the lanes of 16
template <class V>
inline Vec8 low_half(V v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
}
template <class V>
inline Vec8 high_half(V v) {
  return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
}

// body(0, 1, 2 ...) of types that hold the numbers: vectors made from them are constants for the compiler, which it is not sure to see in
// loops over lanes.
template <class V, class Body>
[[gnu::always_inline]] inline auto with_lane_numbers(const Body &body) {
  return [&]<int... lane>(std::integer_sequence<int, lane...>) __attribute__((always_inline)) {
    return body(std::integral_constant<int, lane>{}...);
  }
  (std::make_integer_sequence<int, lanes<V>>{});
}

// 0, 1, 2 ...
template <class V>
[[gnu::always_inline]] inline IntVec<V> lane_numbers() {
  return with_lane_numbers<V>([](auto... lane) __attribute__((always_inline)) { return IntVec<V>{lane...}; });
}

// What fills a lane as it lies in memory: a float, or two numbers of bf16 (pairs.h).
template <class T>
concept Lane = sizeof(T) == sizeof(float);

template <class V, Lane T>
inline V load(const T *from) {
  V v;
  __builtin_memcpy(&v, from, sizeof(V));
  return v;
}

template <Lane T, class V>
inline void store(T *to, V v) {
  __builtin_memcpy(to, &v, sizeof(V));
}

// The first `count` lanes; the others are zero. Masked where the processor can: a copy of so many bytes would be a call.
template <class V, Lane T>
inline V load_first(const T *from, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<V>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1 << count) - 1), from));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32)
    return as<V>(_mm256_maskload_ps(reinterpret_cast<const float *>(from), as<__m256i>(lane_numbers<V>() < static_cast<int32_t>(count))));
#endif
  V v{};
  __builtin_memcpy(&v, from, static_cast<size_t>(count) * sizeof(T));
  return v;
}

template <Lane T, class V>
inline void store_first(T *to, V v, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1 << count) - 1), as<__m512>(v));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32)
    return _mm256_maskstore_ps(reinterpret_cast<float *>(to), as<__m256i>(lane_numbers<V>() < static_cast<int32_t>(count)), as<__m256>(v));
#endif
  __builtin_memcpy(to, &v, static_cast<size_t>(count) * sizeof(T));
}

// v with zeros from lane `count` on
template <class V>
inline V first_lanes(V v, int64_t count) {
  return lane_numbers<V>() < static_cast<int32_t>(count) ? v : V{};
}

template <class V>
inline V broadcast(float value) {
  return value - V{};
}

// ---- bf16 in memory, fp32 in registers

template <class V>
inline V from_half(typename VecTraits<V>::Half half) {
#if defined(__AVX512F__)
  // Of __builtin_convertvector GCC makes six instructions; without a mask it warns of its own headers (bug 105593).
  if constexpr (sizeof(V) == 64)
    return as<V>(as<typename VecTraits<V>::Bits>(_mm512_maskz_cvtepu16_epi32(0xffff, as<__m256i>(half))) << 16);
#endif
  return as<V>(__builtin_convertvector(half, typename VecTraits<V>::Bits) << 16);
}

template <class V>
inline V load(const bf16 *from) {
  typename VecTraits<V>::Half half;
  __builtin_memcpy(&half, from, sizeof(half));
  return from_half<V>(half);
}

// Rounds to nearest, ties to even; NaN stays NaN. The instruction takes numbers below 2^-126 for zero.
template <class V>
inline typename VecTraits<V>::Half to_half(V v) {
#if defined(__AVX512BF16__)
  return as<typename VecTraits<V>::Half>(_mm512_cvtneps_pbh(as<__m512>(v)));
#else
  using Bits = typename VecTraits<V>::Bits;
  const Bits bits = as<Bits>(v), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, half = v == v ? rounded : bits >> 16 | 0x40;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<typename VecTraits<V>::Half>(_mm512_maskz_cvtepi32_epi16(0xffff, as<__m512i>(half)));
#endif
  return __builtin_convertvector(half, typename VecTraits<V>::Half);
#endif
}

// As it comes back from memory in bf16
template <class V>
inline V rounded(V v) {
  return from_half<V>(to_half(v));
}

template <class V>
inline void store(bf16 *to, V v) {
  const auto half = to_half(v);
  __builtin_memcpy(to, &half, sizeof(half));
}

template <class V>
inline V load_first(const bf16 *from, int64_t count) {
  using Half = typename VecTraits<V>::Half;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return from_half<V>(as<Half>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1 << count) - 1), from)));
#endif
  Half half{};
  __builtin_memcpy(&half, from, static_cast<size_t>(count) * sizeof(bf16));
  return from_half<V>(half);
}

template <class V>
inline void store_first(bf16 *to, V v, int64_t count) {
  const auto half = to_half(v);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm256_mask_storeu_epi16(to, static_cast<__mmask16>((1 << count) - 1), as<__m256i>(half));
#endif
  __builtin_memcpy(to, &half, static_cast<size_t>(count) * sizeof(bf16));
}

// load_first and store_first where `count` is mostly all lanes. T: float, bf16 or a type that loads as V too
template <class V, class T>
inline V load_some(const T *from, int64_t count) {
  return count == lanes<V> ? load<V>(from) : load_first<V>(from, count);
}

template <class V, class T>
inline void store_some(T *to, V v, int64_t count) {
  if (count == lanes<V>)
    store(to, v);
  else
    store_first(to, v, count);
}

// body(pointer): once compiled for each way in which numbers are stored, so that loops need not ask for each
template <class Body>
inline void typed(Floats from, const Body &body) {
  if (from.storage == Storage::f32)
    body(from.f32());
  else
    body(from.half());
}
template <class Body>
inline void typed(FloatsOut to, const Body &body) {
  if (to.storage == Storage::f32)
    body(to.f32());
  else
    body(to.half());
}

template <class V>
inline V load_some(Floats from, int64_t count) {
  return from.storage == Storage::f32 ? load_some<V>(from.f32(), count) : load_some<V>(from.half(), count);
}

template <class V>
inline void store_some(FloatsOut to, V v, int64_t count) {
  if (to.storage == Storage::f32)
    store_some(to.f32(), v, count);
  else
    store_some(to.half(), v, count);
}

template <class V>
inline V load(Floats from) {
  return from.storage == Storage::f32 ? load<V>(from.f32()) : load<V>(from.half());
}

template <class V>
inline void store(FloatsOut to, V v) {
  if (to.storage == Storage::f32)
    store(to.f32(), v);
  else
    store(to.half(), v);
}

// to [count] = a run of floats, in the type of `to`
template <class V, class From, class To>
void convert_run(From from, int64_t count, To to) {
  for (int64_t i = 0; i < count; i += lanes<V>) {
    const int64_t some = count - i < lanes<V> ? count - i : lanes<V>;
    store_some(to + i, load_some<V>(from + i, some), some);
  }
}

// to [count] = a run of floats, as factors of a product whose other factor is stored like that
template <class V>
inline void copy_factors(Floats from, Storage other, int64_t count, float *to) {
  for (int64_t i = 0; i < count; i += lanes<V>) {
    const int64_t some = count - i < lanes<V> ? count - i : lanes<V>;
    const V v = load_some<V>(from + i, some);
    store_some(to + i, from.storage == other ? v : rounded(v), some);
  }
}

// As std::max: b where a < b, else a, also where they do not compare. That is what the instruction does with its second source, but of
// constants the compiler makes a comparison and a selection. (Without a mask gcc 12 warns of the values of lanes that there are not.)
#if defined(__AVX512F__)
constexpr __mmask16 kAllLanes = 0xffff;
#endif
template <class V>
inline V max(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<V>(_mm512_maskz_max_ps(kAllLanes, as<__m512>(b), as<__m512>(a)));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32) return as<V>(_mm256_max_ps(as<__m256>(b), as<__m256>(a)));
#endif
  return a < b ? b : a;
}
template <class V>
inline V min(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<V>(_mm512_maskz_min_ps(kAllLanes, as<__m512>(b), as<__m512>(a)));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32) return as<V>(_mm256_min_ps(as<__m256>(b), as<__m256>(a)));
#endif
  return b < a ? b : a;
}

// |v|
template <class V>
inline V absolute(V v) {
  using Bits = typename VecTraits<V>::Bits;
  return as<V>(as<Bits>(v) & 0x7fffffffu);
}

// All lanes in one, by halves: lane i with lane i + 8, then i + 4, ...
template <int half, class V, class Combine>
[[gnu::always_inline]] inline float fold(V v, const Combine &combine) {
  if constexpr (half == 0) {
    return v[0];
  } else {
    const V others =
        with_lane_numbers<V>([=](auto... lane) __attribute__((always_inline)) { return __builtin_shufflevector(v, v, (lane ^ half)...); });
    return fold<half / 2>(combine(v, others), combine);
  }
}
template <class V>
inline float reduce_sum(V v) {
  return fold<lanes<V> / 2>(v, [](V a, V b) { return a + b; });
}
template <class V>
inline float reduce_max(V v) {
  return fold<lanes<V> / 2>(v, [](V a, V b) { return max(a, b); });
}

// rows [i][j] to rows [j][i], by exchanging ever larger squares
template <int side = 1, class V>
[[gnu::always_inline]] inline void transpose(V (&rows)[lanes<V>]) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes<V>; ++i) {
    if (i & side) continue;
    const V above = rows[i], below = rows[i + side];
    with_lane_numbers<V>([&](auto... lane) __attribute__((always_inline)) {
      constexpr int kBelow = lanes<V>;  // from here on lanes are those of the lower row
      rows[i] = __builtin_shufflevector(above, below, (lane & side ? lane - side + kBelow : lane)...);
      rows[i + side] = __builtin_shufflevector(above, below, (lane & side ? lane + kBelow : lane + side)...);
    });
  }
  if constexpr (2 * side < lanes<V>) transpose<2 * side>(rows);
}

}  // namespace
}  // namespace distill
