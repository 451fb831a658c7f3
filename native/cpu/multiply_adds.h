// Chains of multiply-adds for any vector type V of floats.
#pragma once

#include <cstdint>

namespace distill {
namespace {

// The latency of a multiply-add times the number of units, with a margin, within the registers: 4 by 4 of 32 on ARM, 4 by 2 of 16 with
// AVX2.
#if defined(__aarch64__)
constexpr int kChains = 24;
#else
constexpr int kChains = 12;
#endif

// next(sum) is one link of a chain.
template <class V, class Next>
[[gnu::noinline]] V chains(int64_t times, V first, const Next &next) {
  // Each chain starts from a different number, because the compiler would compute equal chains only once.
  V sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = first * static_cast<float>(i);
  for (int64_t i = 0; i < times; ++i) {
#pragma GCC unroll kChains
    for (V &sum : sums) sum = next(sum);
  }
#pragma GCC unroll kChains
  for (const V &sum : sums) first += sum;
  return first;
}

// Returns the number of operations: `numbers` products and as many additions for each lane of a link
template <class V, class Next>
int64_t operations(int64_t times, int64_t numbers, const Next &next) {
  volatile float used = chains(times, V{} + 1.0f, next)[0];
  static_cast<void>(used);
  return times * kChains * 2 * numbers * static_cast<int64_t>(sizeof(V) / sizeof(float));
}

template <class V>
int64_t multiply_adds(int64_t times) {
  // Sums converge to 2, so they never become small enough to slow the processor down.
  const V half = V{} + 0.5f, one = V{} + 1.0f;
  return operations<V>(times, 1, [=](V sum) { return sum * half + one; });
}

}  // namespace
}  // namespace distill
