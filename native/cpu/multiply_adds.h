// Chains of multiply-adds for any vector type V of floats.
#pragma once

#include <cstdint>

namespace distill {
namespace {

template <class V>
[[gnu::noinline]] V chains(int64_t times, V factor, V term) {
  // Twice the latency of a multiply-add times the units that do them, at most 12 of the 16 registers of AVX2.
  // Each begins with another number: chains that are alike are computed once.
  V sums[12];
  for (int i = 0; i < 12; ++i) sums[i] = term * static_cast<float>(i);
  for (int64_t i = 0; i < times; ++i) {
#pragma GCC unroll 12
    for (V &sum : sums) sum = sum * factor + term;
  }
#pragma GCC unroll 12
  for (const V &sum : sums) term += sum;
  return term;
}

template <class V>
int64_t multiply_adds(int64_t times) {
  // Sums go towards 2: never too small for full speed.
  const V half = V{} + 0.5f, one = V{} + 1.0f;
  volatile float used = chains(times, half, one)[0];
  static_cast<void>(used);
  return times * 12 * 2 * static_cast<int64_t>(sizeof(V) / sizeof(float));
}

}  // namespace
}  // namespace distill
