// Counter-based random numbers, with the same bits on every machine: all arithmetic is on integers, or on IEEE doubles in a fixed order.
// Logarithm, sine and cosine are computed here, because those of the C library differ in the last bit between versions.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "cpu/philox.h"
#include "cpu/threads.h"
#include "cpu/variants.h"

namespace distill::scalar {
namespace {

// Calls draw(block, destination, wanted) for each group of 4 numbers of y, in chunks of 4096 groups.
template <class Draw>
void fill_by_fours(float *y, int64_t size, uint64_t seed, uint64_t stream, const Draw &draw) {
  constexpr int64_t kGroups = 4096;
  const int64_t groups = (size + 3) / 4;
  parallel_for((groups + kGroups - 1) / kGroups, [&](int64_t chunk) {
    const int64_t end = std::min(groups, (chunk + 1) * kGroups);
    for (int64_t group = chunk * kGroups; group < end; ++group) {
      const Philox bits = philox(seed, philox_counter(static_cast<uint32_t>(group), static_cast<uint32_t>(group >> 32), stream));
      const std::array<float, 4> numbers = draw(bits);
      std::copy_n(numbers.begin(), std::min<int64_t>(4, size - 4 * group), y + 4 * group);
    }
  });
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh(s), s = (m - 1) / (m + 1), by its series (next term below 1e-13).
double natural_logarithm(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  double exponent = static_cast<double>(static_cast<int64_t>(bits >> 52) - 1023);
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (m >= std::numbers::sqrt2) m /= 2, exponent += 1;
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 1.0 / 15;
  for (int odd = 13; odd >= 1; odd -= 2) series = series * s2 + 1.0 / odd;
  return exponent * std::numbers::ln2 + 2 * s * series;
}

// (cos, sin) of 2 pi turn, turn in [0, 1): Taylor series (next term below 1e-13) within an eighth of a turn around each quarter.
std::pair<double, double> cosine_and_sine(double turn) {
  const int quarter = static_cast<int>(turn * 4 + 0.5);
  const double x = (turn - quarter * 0.25) * (2 * std::numbers::pi), x2 = x * x;
  double c = 1, s = 1;
  for (int n = 12; n >= 2; n -= 2) {
    c = 1 - c * x2 / (n * (n - 1));
    s = 1 - s * x2 / (n * (n + 1));
  }
  s *= x;
  switch (quarter % 4) {
    case 0:
      return {c, s};
    case 1:
      return {-s, c};
    case 2:
      return {-c, -s};
    default:
      return {s, -c};
  }
}

// Box and Muller 1958: two independent standard normal numbers from 64 random bits.
std::pair<double, double> normal_pair(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * natural_logarithm((a + 1.0) * 0x1p-32));
  const auto [c, s] = cosine_and_sine(b * 0x1p-32);
  return {radius * c, radius * s};
}

// A uniform integer below n without bias (Lemire 2019): the high half of a product, redrawn where the low half would favour some.
uint32_t uniform_below(uint32_t n, uint32_t position, uint64_t seed, uint64_t stream) {
  const uint32_t least_fair = -n % n;
  for (uint32_t attempt = 0;; ++attempt) {
    const uint64_t product = uint64_t{philox(seed, philox_counter(position, attempt, stream))[0]} * n;
    if (static_cast<uint32_t>(product) >= least_fair) return static_cast<uint32_t>(product >> 32);
  }
}

}  // namespace

void random_normal(const RandomNormal &a) {
  fill_by_fours(a.y, a.size, a.seed, a.stream, [&](const Philox &bits) {
    const auto [z0, z1] = normal_pair(bits[0], bits[1]);
    const auto [z2, z3] = normal_pair(bits[2], bits[3]);
    const auto scaled = [&](double z) { return static_cast<float>(a.mean + a.std * z); };
    return std::array{scaled(z0), scaled(z1), scaled(z2), scaled(z3)};
  });
}

void random_uniform(const RandomUniform &a) {
  const double low = a.low, width = static_cast<double>(a.high) - low;
  const float below_high = std::nextafter(a.high, a.low);  // rounding to float may reach `high`
  fill_by_fours(a.y, a.size, a.seed, a.stream, [&](const Philox &bits) {
    const auto scaled = [&](uint32_t x) { return std::min(static_cast<float>(low + width * (x * 0x1p-32)), below_high); };
    return std::array{scaled(bits[0]), scaled(bits[1]), scaled(bits[2]), scaled(bits[3])};
  });
}

// Fisher-Yates shuffle on one thread, as each swap depends on those before it.
void random_permutation(const RandomPermutation &a) {
  std::iota(a.y, a.y + a.size, 0);
  for (int64_t i = a.size - 1; i > 0; --i) {
    const uint32_t j = uniform_below(static_cast<uint32_t>(i) + 1, static_cast<uint32_t>(i), a.seed, a.stream);
    std::swap(a.y[i], a.y[j]);
  }
}

}  // namespace distill::scalar
