// Counter-based random numbers with the bits of cpu/random.scalar.cpp: integer arithmetic, or IEEE double arithmetic in the same order.
// This file is compiled without fused multiply-adds, which round once where the processor rounds twice.
#include <numeric>
#include <utility>
#include <vector>

#include "cpu/philox.h"
#include "cuda/elementwise.cuh"
#include "cuda/launchers.h"
#include "cuda/philox.cuh"
#include "cuda/workspace.h"

namespace distill::cuda {

namespace {

constexpr double kTwoPi = 2 * 3.141592653589793, kLogOfTwo = 0.6931471805599453, kRootOfTwo = 1.4142135623730951;

__device__ inline double natural_logarithm(double x) {
  const auto bits = static_cast<uint64_t>(__double_as_longlong(x));
  double exponent = static_cast<double>(static_cast<int64_t>(bits >> 52) - 1023);
  double m = __longlong_as_double(static_cast<long long>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000));
  if (m >= kRootOfTwo) {
    m /= 2;
    exponent += 1;
  }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 1.0 / 15;
  for (int odd = 13; odd >= 1; odd -= 2) series = series * s2 + 1.0 / odd;
  return exponent * kLogOfTwo + 2 * s * series;
}

struct Pair {
  double of[2];
};

// (cos, sin) of 2 pi turn
__device__ inline Pair cosine_and_sine(double turn) {
  const int quarter = static_cast<int>(turn * 4 + 0.5);
  const double x = (turn - quarter * 0.25) * kTwoPi, x2 = x * x;
  double c = 1, s = 1;
  for (int n = 12; n >= 2; n -= 2) {
    c = 1 - c * x2 / (n * (n - 1));
    s = 1 - s * x2 / (n * (n + 1));
  }
  s *= x;
  switch (quarter % 4) {
    case 0:
      return {{c, s}};
    case 1:
      return {{-s, c}};
    case 2:
      return {{-c, -s}};
    default:
      return {{s, -c}};
  }
}

__device__ inline Pair normal_pair(uint32_t a, uint32_t b) {
  const double radius = sqrt(-2 * natural_logarithm((a + 1.0) * 0x1p-32));
  const Pair unit = cosine_and_sine(b * 0x1p-32);
  return {{radius * unit.of[0], radius * unit.of[1]}};
}

// One thread per 4 numbers.
template <class Draw>
void fill_by_fours(float *y, int64_t size, uint64_t seed, uint64_t stream, const Draw &draw) {
  for_each((size + 3) / 4, [=] __device__(int64_t group) {
    const auto counter = gpu::philox_counter(static_cast<uint32_t>(group), static_cast<uint32_t>(group >> 32), stream);
    const gpu::Philox bits = gpu::philox(seed, counter);
    for (int64_t i = 0; i < 4 && 4 * group + i < size; i++) y[4 * group + i] = draw(bits, i);
  });
}

// As in cpu/random.scalar.cpp.
uint32_t uniform_below(uint32_t n, uint32_t position, uint64_t seed, uint64_t stream) {
  const uint32_t least_fair = -n % n;
  for (uint32_t attempt = 0;; ++attempt) {
    const uint64_t product = uint64_t{distill::philox(seed, distill::philox_counter(position, attempt, stream))[0]} * n;
    if (static_cast<uint32_t>(product) >= least_fair) return static_cast<uint32_t>(product >> 32);
  }
}

}  // namespace

void random_normal(const RandomNormal &a) {
  fill_by_fours(a.y, a.size, a.seed, a.stream, [=] __device__(const gpu::Philox &bits, int64_t i) {
    const double z = normal_pair(bits.of[i / 2 * 2], bits.of[i / 2 * 2 + 1]).of[i % 2];
    return static_cast<float>(a.mean + a.std * z);
  });
}

void random_uniform(const RandomUniform &a) {
  const double low = a.low, width = static_cast<double>(a.high) - low;
  fill_by_fours(a.y, a.size, a.seed, a.stream,
                [=] __device__(const gpu::Philox &bits, int64_t i) { return static_cast<float>(low + width * (bits.of[i] * 0x1p-32)); });
}

// Fisher-Yates shuffle, on the host: each swap depends on those before it.
void random_permutation(const RandomPermutation &a) {
  std::vector<int32_t> order(static_cast<size_t>(a.size));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = a.size - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)],
              order[uniform_below(static_cast<uint32_t>(i) + 1, static_cast<uint32_t>(i), a.seed, a.stream)]);
  gpu::upload(a.y, order.data(), a.size * static_cast<int64_t>(sizeof(int32_t)));
}

}  // namespace distill::cuda
