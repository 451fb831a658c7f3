// Vectors of floats as wide as the instruction set: kernels are templates over V = Vec4, Vec8 or Vec16, instantiated in <op>.<isa>.cpp.
//
// Everything here and in such templates has internal linkage. Otherwise the linker would keep one copy of a function that two files with
// different instruction sets share, with the instructions of either, and run it on processors that lack them. For the same reason such
// files use nothing from the standard library that is not certain to be inlined.
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

using Vec4 [[gnu::vector_size(16)]] = float;   // NEON
using Vec8 [[gnu::vector_size(32)]] = float;   // AVX2
using Vec16 [[gnu::vector_size(64)]] = float;  // AVX-512

template <class V>
struct VecTraits;
template <>
struct VecTraits<Vec4> {
  static constexpr int registers = 32;  // of the instruction set
  using Int [[gnu::vector_size(16)]] = int32_t;
  using Bits [[gnu::vector_size(16)]] = uint32_t;
  using Bf16 [[gnu::vector_size(8)]] = uint16_t;
};
template <>
struct VecTraits<Vec8> {
  static constexpr int registers = 16;
  using Int [[gnu::vector_size(32)]] = int32_t;
  using Bits [[gnu::vector_size(32)]] = uint32_t;
  using Bf16 [[gnu::vector_size(16)]] = uint16_t;
};
template <>
struct VecTraits<Vec16> {
  static constexpr int registers = 32;
  using Int [[gnu::vector_size(64)]] = int32_t;
  using Bits [[gnu::vector_size(64)]] = uint32_t;
  using Bf16 [[gnu::vector_size(32)]] = uint16_t;
};
// As many 32-bit integers: the result of comparisons (-1 true, 0 false)
template <class V>
using IntVec = typename VecTraits<V>::Int;

template <class V>
constexpr int lanes = sizeof(V) / sizeof(float);

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How many registers the tile of a product uses for sums: three quarters, more than the latency of the multiplier needs. The others hold
// factors; larger tiles were slower.
template <class V>
constexpr int kSumRegisters = VecTraits<V>::registers * 3 / 4;
// How many steps along the sum a loop of a product takes at once. On ARM clang would keep factors of both steps in registers, copy sums
// between others, and spill some.
#if defined(__aarch64__)
constexpr int kStepsAtOnce = 1;
#else
constexpr int kStepsAtOnce = 2;
#endif

// Reinterprets the bits as another type
template <class To, class From>
inline To as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

// Half of 16 lanes
template <class V>
inline Vec8 low_half(V v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
}
template <class V>
inline Vec8 high_half(V v) {
  return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
}

// Calls body(0, 1, 2 ...) with the numbers as types. Vectors made from them are compile-time constants, which the compiler does not
// reliably recognise in loops over lanes.
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

// What fills a lane in memory: a float, or two bf16 numbers (pairs.h).
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

// The first `count` of four lanes, at most three, one by one. Number: the type of a lane
template <class Number, class Vector, class T>
[[gnu::always_inline]] inline Vector load_up_to_three(const T *from, int64_t count) {
  Vector v{};
  if (count > 0) v[0] = as<Number>(from[0]);
  if (count > 1) v[1] = as<Number>(from[1]);
  if (count > 2) v[2] = as<Number>(from[2]);
  return v;
}
template <class T, class Vector>
[[gnu::always_inline]] inline void store_up_to_three(T *to, Vector v, int64_t count) {
  if (count > 0) to[0] = as<T>(v[0]);
  if (count > 1) to[1] = as<T>(v[1]);
  if (count > 2) to[2] = as<T>(v[2]);
}

// Loads the first `count` lanes; the others are zero. Uses masks where the processor has them: a copy of variable length would be a call.
template <class V, Lane T>
inline V load_first(const T *from, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<V>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1 << count) - 1), from));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32)
    return as<V>(_mm256_maskload_ps(reinterpret_cast<const float *>(from), as<__m256i>(lane_numbers<V>() < static_cast<int32_t>(count))));
#endif
  if constexpr (lanes<V> == 4) return load_up_to_three<float, V>(from, count);
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
  if constexpr (lanes<V> == 4) return store_up_to_three(to, v, count);
  __builtin_memcpy(to, &v, static_cast<size_t>(count) * sizeof(T));
}

// v with zeros in lanes `count` and beyond
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
inline V widen(typename VecTraits<V>::Bf16 bits) {
#if defined(__AVX512F__)
  // GCC compiles __builtin_convertvector to six instructions, and warns about its own headers without a mask (bug 105593).
  if constexpr (sizeof(V) == 64)
    return as<V>(as<typename VecTraits<V>::Bits>(_mm512_maskz_cvtepu16_epi32(0xffff, as<__m256i>(bits))) << 16);
#endif
  return as<V>(__builtin_convertvector(bits, typename VecTraits<V>::Bits) << 16);
}

template <class V>
inline V load(const bf16 *from) {
  typename VecTraits<V>::Bf16 bits;
  __builtin_memcpy(&bits, from, sizeof(bits));
  return widen<V>(bits);
}

// Rounds to bf16: to nearest, ties to even; NaN stays NaN. The instruction treats numbers below 2^-126 as zero.
template <class V>
inline typename VecTraits<V>::Bf16 narrow(V v) {
#if defined(__AVX512BF16__)
  return as<typename VecTraits<V>::Bf16>(_mm512_cvtneps_pbh(as<__m512>(v)));
#else
  using Bits = typename VecTraits<V>::Bits;
#if defined(DISTILL_EMULATED_BF16)
  const Bits all = as<Bits>(v), bits = (all & 0x7f800000u) != 0 ? all : all & 0x80000000u;
#else
  const Bits bits = as<Bits>(v);
#endif
  const Bits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, narrowed = v == v ? rounded : bits >> 16 | 0x40;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return as<typename VecTraits<V>::Bf16>(_mm512_maskz_cvtepi32_epi16(0xffff, as<__m512i>(narrowed)));
#endif
  return __builtin_convertvector(narrowed, typename VecTraits<V>::Bf16);
#endif
}

// v as if stored in bf16 and loaded again
template <class V>
inline V rounded(V v) {
  return widen<V>(narrow(v));
}

template <class V>
inline void store(bf16 *to, V v) {
  const auto narrowed = narrow(v);
  __builtin_memcpy(to, &narrowed, sizeof(narrowed));
}

template <class V>
inline V load_first(const bf16 *from, int64_t count) {
  using Bf16 = typename VecTraits<V>::Bf16;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return widen<V>(as<Bf16>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1 << count) - 1), from)));
#endif
  if constexpr (lanes<V> == 4) return widen<V>(load_up_to_three<uint16_t, Bf16>(from, count));
  Bf16 bits{};
  __builtin_memcpy(&bits, from, static_cast<size_t>(count) * sizeof(bf16));
  return widen<V>(bits);
}

template <class V>
inline void store_first(bf16 *to, V v, int64_t count) {
  const auto narrowed = narrow(v);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm256_mask_storeu_epi16(to, static_cast<__mmask16>((1 << count) - 1), as<__m256i>(narrowed));
#endif
  if constexpr (lanes<V> == 4) return store_up_to_three(to, narrowed, count);
  __builtin_memcpy(to, &narrowed, static_cast<size_t>(count) * sizeof(bf16));
}

// load_first and store_first for a `count` that is mostly all lanes. T: float, bf16, or another type that loads as V
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

// Calls body(pointer), compiled once for each storage, so that loops need not check it for every number
template <class Body>
inline void typed(Floats from, const Body &body) {
  if (from.storage == Storage::f32)
    body(from.f32());
  else
    body(from.as_bf16());
}
template <class Body>
inline void typed(FloatsOut to, const Body &body) {
  if (to.storage == Storage::f32)
    body(to.f32());
  else
    body(to.as_bf16());
}

template <class V>
inline V load_some(Floats from, int64_t count) {
  return from.storage == Storage::f32 ? load_some<V>(from.f32(), count) : load_some<V>(from.as_bf16(), count);
}

template <class V>
inline void store_some(FloatsOut to, V v, int64_t count) {
  if (to.storage == Storage::f32)
    store_some(to.f32(), v, count);
  else
    store_some(to.as_bf16(), v, count);
}

template <class V>
inline V load(Floats from) {
  return from.storage == Storage::f32 ? load<V>(from.f32()) : load<V>(from.as_bf16());
}

template <class V>
inline void store(FloatsOut to, V v) {
  if (to.storage == Storage::f32)
    store(to.f32(), v);
  else
    store(to.as_bf16(), v);
}

// to [count] = a run of floats, converted to the type of `to`
template <class V, class From, class To>
void convert_run(From from, int64_t count, To to) {
  for (int64_t i = 0; i < count; i += lanes<V>) {
    const int64_t some = count - i < lanes<V> ? count - i : lanes<V>;
    store_some(to + i, load_some<V>(from + i, some), some);
  }
}

// to [count] = a run of floats, as factors of a product whose other factor has that storage
template <class V>
inline void copy_factors(Floats from, Storage other, int64_t count, float *to) {
  for (int64_t i = 0; i < count; i += lanes<V>) {
    const int64_t some = count - i < lanes<V> ? count - i : lanes<V>;
    const V v = load_some<V>(from + i, some);
    store_some(to + i, from.storage == other ? v : rounded(v), some);
  }
}

// Like std::max: b where a < b, otherwise a, also where they do not compare. The instruction treats its second source this way, but for
// constants the compiler would emit a comparison and a selection. (Without a mask GCC 12 warns about undefined values of masked-out lanes.)
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

// Combines all lanes into one by halving: lane i with lane i + 8, then i + 4, ...
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

// Transposes rows [i][j] to rows [j][i] by exchanging ever larger blocks
template <int side = 1, class V>
[[gnu::always_inline]] inline void transpose(V (&rows)[lanes<V>]) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes<V>; ++i) {
    if (i & side) continue;
    const V above = rows[i], below = rows[i + side];
    with_lane_numbers<V>([&](auto... lane) __attribute__((always_inline)) {
      constexpr int kBelow = lanes<V>;  // lane numbers from here on denote the lower row
      rows[i] = __builtin_shufflevector(above, below, (lane & side ? lane - side + kBelow : lane)...);
      rows[i + side] = __builtin_shufflevector(above, below, (lane & side ? lane + kBelow : lane + side)...);
    });
  }
  if constexpr (2 * side < lanes<V>) transpose<2 * side>(rows);
}

}  // namespace
}  // namespace distill
