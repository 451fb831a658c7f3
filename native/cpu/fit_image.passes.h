// The two passes of fit_image, compiled for each instruction set. They compute in whole numbers, so each gives the same.
#pragma once

#include <cstdint>
#include <cstring>

namespace distill {

// Bits of a weight's fraction. Pillow's PRECISION_BITS
inline constexpr int kWeightBits = 22;

// Output i is a sum of count[i] inputs, from first[i] on, times weights [outputs, taps], which are whole multiples of 2^-kWeightBits.
struct WholeWeights {
  int64_t taps;
  const int64_t *first, *count;
  const int32_t *weights;
};

struct Passes {
  const uint8_t *image;  // rows [.., W, 3], of which the first is the first that `rows` takes
  int64_t W, height;     // height: number of rows that it takes
  WholeWeights columns, rows;
  uint8_t *line;      // [W,3] and one byte
  uint8_t *narrowed;  // [height, side, 3] and one byte
  int64_t side;
  uint8_t *y;  // [side,side,3]
};

namespace scalar {
void run_passes(const Passes &a);
}
namespace avx2 {
void run_passes(const Passes &a);
}

namespace {

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

inline uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(sum >> kWeightBits); }

// x [W,3] and one byte -> y [side,3] and one byte. Four bytes at a time, as registers hold them; the fourth is the next pixel's.
inline void narrow(const uint8_t *x, const WholeWeights &columns, int64_t side, uint8_t *y) {
  for (int64_t z = 0; z < side; ++z) {
    const int32_t *weights = columns.weights + z * columns.taps;
    const uint8_t *from = x + 3 * columns.first[z];
    int32_t sums[4] = {kHalf, kHalf, kHalf, kHalf};
    for (int64_t tap = 0; tap < columns.count[z]; ++tap)
      for (int c = 0; c < 4; ++c) sums[c] += weights[tap] * from[3 * tap + c];
    for (int c = 0; c < 4; ++c) y[3 * z + c] = to_byte(sums[c]);
  }
}

// Bytes of a row that are summed at a time, in registers.
constexpr int64_t kRun = 32;

// The first `size` <= kRun bytes of `taps` rows of `width` bytes -> y
inline void sum_rows(const uint8_t *x, const int32_t *weights, int64_t taps, int64_t width, int64_t size, uint8_t *y) {
  int32_t sums[kRun];
  for (int32_t &sum : sums) sum = kHalf;
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t i = 0; i < size; ++i) sums[i] += weights[tap] * x[tap * width + i];
  for (int64_t i = 0; i < size; ++i) y[i] = to_byte(sums[i]);
}

inline void run_passes_here(const Passes &a) {
  const int64_t width = 3 * a.side;
  for (int64_t h = 0; h < a.height; ++h) {
    std::memcpy(a.line, a.image + h * a.W * 3, static_cast<size_t>(3 * a.W));
    narrow(a.line, a.columns, a.side, a.narrowed + h * width);
  }
  for (int64_t z = 0; z < a.side; ++z) {
    const uint8_t *from = a.narrowed + (a.rows.first[z] - a.rows.first[0]) * width;
    const int32_t *weights = a.rows.weights + z * a.rows.taps;
    uint8_t *y = a.y + z * width;
    int64_t i = 0;
    for (; i + kRun <= width; i += kRun) sum_rows(from + i, weights, a.rows.count[z], width, kRun, y + i);
    if (i < width) sum_rows(from + i, weights, a.rows.count[z], width, width - i, y + i);
  }
}

}  // namespace

}  // namespace distill
