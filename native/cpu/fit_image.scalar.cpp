#include "cpu/fit_image.passes.h"

namespace distill::scalar {

namespace {

struct Registers {
  static void pixel(const uint8_t *x, const int32_t *weights, int64_t taps, uint8_t *y) {
    int32_t sums[3] = {kHalf, kHalf, kHalf};
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int c = 0; c < 3; ++c) sums[c] += weights[tap] * x[3 * tap + c];
    for (int c = 0; c < 3; ++c) y[c] = to_byte(sums[c]);
  }

  static void run(const uint8_t *x, const int32_t *weights, int64_t taps, int64_t width, uint8_t *y) {
    int32_t sums[kRun];
    for (int32_t &sum : sums) sum = kHalf;
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t i = 0; i < kRun; ++i) sums[i] += weights[tap] * x[tap * width + i];
    for (int64_t i = 0; i < kRun; ++i) y[i] = to_byte(sums[i]);
  }
};

}  // namespace

void run_passes(const Passes &a) { run_passes_by<Registers>(a); }

}  // namespace distill::scalar
