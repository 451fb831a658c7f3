#include "cpu/limits.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "cpu/select.h"
#include "cpu/threads.h"

namespace distill {

namespace {

constexpr int kRounds = 20;
constexpr std::chrono::seconds kLongest{1};

// Amount per second in the best of several rounds, fewer if they take long; `round` returns the amount that it did.
template <class Round>
double best_rate(const Round &round) {
  double best = 0;
  const auto end = std::chrono::steady_clock::now() + kLongest;
  for (int i = 0; i < kRounds && (i == 0 || std::chrono::steady_clock::now() < end); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double amount = static_cast<double>(round());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, amount / seconds.count());
  }
  return best;
}

using MultiplyAdds = int64_t (*)(int64_t times);

MultiplyAdds fp32_multiply_adds() {
#if defined(DISTILL_X86)
  if (selected_isa() >= Isa::avx512) return avx512::multiply_adds;
  if (selected_isa() == Isa::avx2) return avx2::multiply_adds;
#elif defined(DISTILL_ARM64)
  if (selected_isa() == Isa::neon) return neon::multiply_adds;
#endif
  return scalar::multiply_adds;
}

// By an instruction for bf16 factors; null if the variant in use has none.
MultiplyAdds bf16_multiply_adds() {
#if defined(DISTILL_X86)
  if (selected_isa() == Isa::amx) return amx::multiply_adds;
  if (selected_isa() == Isa::avx512_bf16) return avx512_bf16::multiply_adds;
#endif
  return nullptr;
}

// What bf16 products take now.
MultiplyAdds selected_multiply_adds() {
  return selected_bf16_products() == Bf16Products::bf16 ? bf16_multiply_adds() : fp32_multiply_adds();
}

// Of one thread, in 20 microseconds.
double quick_rate(MultiplyAdds multiply_adds) {
  constexpr std::chrono::microseconds kTime{20};
  const auto begin = std::chrono::steady_clock::now();
  int64_t done = 0;
  std::chrono::duration<double> seconds{};
  do {
    done += multiply_adds(500);
    seconds = std::chrono::steady_clock::now() - begin;
  } while (seconds < kTime);
  return static_cast<double>(done) / seconds.count();
}

double most_flops(MultiplyAdds multiply_adds) {
  // Chunks of about a tenth of a millisecond, also where tiles are emulated.
  constexpr double kChunk = 1e-4;
  constexpr int64_t kTimes = 500;
  const int64_t times = std::clamp<int64_t>(
      static_cast<int64_t>(kChunk * quick_rate(multiply_adds) / static_cast<double>(multiply_adds(kTimes)) * kTimes), 1, 1 << 20);
  const int64_t chunks = 32 * threads();
  std::vector<int64_t> done(static_cast<size_t>(chunks));
  return best_rate([&] {
    parallel_for(chunks, [&](int64_t chunk) { done[static_cast<size_t>(chunk)] = multiply_adds(times); });
    return done[0] * chunks;
  });
}

double most_bandwidth() {
  constexpr int64_t kChunk = 1 << 16, kChunks = 256;  // 64 MiB per array
  std::vector<float> a(kChunk * kChunks, 1.0f), b(a), y(a);
  return best_rate([&] {
    parallel_for(kChunks, [&](int64_t chunk) {
      const int64_t begin = chunk * kChunk;
      for (int64_t i = begin; i < begin + kChunk; ++i)
        y[static_cast<size_t>(i)] = a[static_cast<size_t>(i)] + 3.0f * b[static_cast<size_t>(i)];
    });
    return 3 * kChunk * kChunks * static_cast<int64_t>(sizeof(float));
  });
}

}  // namespace

ProductRates measure_products() {
  constexpr int kQuickRounds = 5;
  const MultiplyAdds bf16 = bf16_multiply_adds();
  ProductRates rates{};
  // In turn, so that what disturbs a moment disturbs both.
  for (int i = 0; i < kQuickRounds; ++i) {
    rates.fp32 = std::max(rates.fp32, quick_rate(fp32_multiply_adds()));
    if (bf16) rates.bf16 = std::max(rates.bf16, quick_rate(bf16));
  }
  return rates;
}

Limits measure_limits() {
  return {.flops = most_flops(fp32_multiply_adds()), .bf16_flops = most_flops(selected_multiply_adds()), .bandwidth = most_bandwidth()};
}

}  // namespace distill
