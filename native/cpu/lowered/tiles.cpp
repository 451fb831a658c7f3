// The tile operations of tiles.h on any processor, bit for bit as a processor with AMX does them. Mistakes that hardware answers with an
// illegal instruction or with slow loads throw here.
#include "cpu/tiles.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace distill {

namespace emulated {

namespace {

struct Tiles {
  bool configured = false;
  alignas(64) unsigned char rows[8][16][64];
};
thread_local Tiles tiles;

void expect(bool condition, const char *mistake) {
  if (!condition) throw std::logic_error(std::string("tiles: ") + mistake);
}

void expect_configured() { expect(tiles.configured, "used without a TileScope"); }

void expect_lines(const void *memory, int64_t stride) {
  expect(reinterpret_cast<uintptr_t>(memory) % 64 == 0 && stride % 64 == 0, "rows do not begin at multiples of 64 bytes");
}

// Numbers below 2^-126 are zero.
float flushed(float number) { return std::fabs(number) < 0x1p-126f ? std::copysign(0.0f, number) : number; }

}  // namespace

void configure() {
  expect(!tiles.configured, "configured twice");
  tiles.configured = true;
  std::memset(tiles.rows, 0, sizeof(tiles.rows));
}

void release() { tiles.configured = false; }

void zero(int tile) {
  expect_configured();
  std::memset(tiles.rows[tile], 0, sizeof(tiles.rows[tile]));
}

void load(int tile, const void *from, int64_t stride) {
  expect_configured();
  expect_lines(from, stride);
  for (int row = 0; row < 16; ++row) std::memcpy(tiles.rows[tile][row], static_cast<const char *>(from) + row * stride, 64);
}

void store(int tile, void *to, int64_t stride) {
  expect_configured();
  expect_lines(to, stride);
  for (int row = 0; row < 16; ++row) std::memcpy(static_cast<char *>(to) + row * stride, tiles.rows[tile][row], 64);
}

// TDPBF16PS, as measured on an Intel Emerald Rapids: of the 32 products of a sum, those at even and those at odd places are added up apart,
// each by fused multiply-adds that begin at 0. The two are added, and their sum to the old one. Numbers below 2^-126, given or computed,
// are zero. Always rounds to nearest even.
void dot(int sums, int left, int right) {
  expect_configured();
  bf16 pairs[16][32];  // of the right factor: [k][column][2]
  std::memcpy(pairs, tiles.rows[right], sizeof(pairs));
  for (int row = 0; row < 16; ++row) {
    bf16 numbers[32];
    float sum[16], even[16] = {}, odd[16] = {};
    std::memcpy(numbers, tiles.rows[left][row], sizeof(numbers));
    std::memcpy(sum, tiles.rows[sums][row], sizeof(sum));
    for (int k = 0; k < 16; ++k) {
      const float first = flushed(to_float(numbers[2 * k])), second = flushed(to_float(numbers[2 * k + 1]));
      for (int column = 0; column < 16; ++column) {
        even[column] = flushed(std::fma(first, flushed(to_float(pairs[k][2 * column])), even[column]));
        odd[column] = flushed(std::fma(second, flushed(to_float(pairs[k][2 * column + 1])), odd[column]));
      }
    }
    for (int column = 0; column < 16; ++column) sum[column] = flushed(flushed(sum[column]) + flushed(even[column] + odd[column]));
    std::memcpy(tiles.rows[sums][row], sum, sizeof(sum));
  }
}

}  // namespace emulated

}  // namespace distill
