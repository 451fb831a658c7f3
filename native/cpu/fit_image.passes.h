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

// Registers has two sums of `taps` times a weight, each by its instructions:
//   pixel: of four bytes each, 3 bytes apart, of which the last is the next pixel's; into four bytes
//   run: of kRun bytes each, `width` bytes apart; into kRun bytes
constexpr int64_t kRun = 32;

// x [W,3] and one byte -> y [side,3] and one byte
template <class Registers>
void narrow(const uint8_t *x, const WholeWeights &columns, int64_t side, uint8_t *y) {
  for (int64_t z = 0; z < side; ++z)
    Registers::pixel(x + 3 * columns.first[z], columns.weights + z * columns.taps, columns.count[z], y + 3 * z);
}

// x [taps,width] -> y [width]
template <class Registers>
void sum_rows(const uint8_t *x, const int32_t *weights, int64_t taps, int64_t width, uint8_t *y) {
  int64_t i = 0;
  for (; i + kRun <= width; i += kRun) Registers::run(x + i, weights, taps, width, y + i);
  for (; i < width; ++i) {
    int32_t sum = kHalf;
    for (int64_t tap = 0; tap < taps; ++tap) sum += weights[tap] * x[tap * width + i];
    y[i] = to_byte(sum);
  }
}

template <class Registers>
void run_passes_by(const Passes &a) {
  const int64_t width = 3 * a.side;
  for (int64_t h = 0; h < a.height; ++h) {
    std::memcpy(a.line, a.image + h * a.W * 3, static_cast<size_t>(3 * a.W));
    narrow<Registers>(a.line, a.columns, a.side, a.narrowed + h * width);
  }
  for (int64_t z = 0; z < a.side; ++z) {
    const uint8_t *from = a.narrowed + (a.rows.first[z] - a.rows.first[0]) * width;
    sum_rows<Registers>(from, a.rows.weights + z * a.rows.taps, a.rows.count[z], width, a.y + z * width);
  }
}

}  // namespace

}  // namespace distill
