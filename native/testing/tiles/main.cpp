// Checks the emulated tiles (cpu/lowered/tiles.cpp): sums against double precision, numbers that are too small, infinite or no numbers, and
// that mistakes throw. On a processor with AMX, also that its tiles give the same bits. Prints what is wrong; the last line says what was
// compared.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>

#include "cpu/features.h"
#include "cpu/tiles.h"

namespace {

using namespace distill;

int wrong = 0;

void expect(bool condition, const std::string &what) {
  if (condition) return;
  ++wrong;
  std::printf("wrong: %s\n", what.c_str());
}

struct alignas(64) Operands {
  bf16 left[16][32], right[16][32];  // right: pairs of each column
  float sums[16][16];
};

// Any bit patterns at all, or ordinary numbers
Operands random_operands(std::mt19937 &random, bool any) {
  Operands operands;
  std::normal_distribution<float> normal;
  const auto number = [&] { return any ? bf16{static_cast<uint16_t>(random())} : to_bf16(normal(random)); };
  for (auto &row : operands.left)
    for (bf16 &value : row) value = number();
  for (auto &row : operands.right)
    for (bf16 &value : row) value = number();
  for (auto &row : operands.sums)
    for (float &value : row) value = to_float(number());
  return operands;
}

void multiply_emulated(Operands &operands) {
  emulated::configure();
  emulated::load(0, operands.sums, 64);
  emulated::load(4, operands.left, 64);
  emulated::load(6, operands.right, 64);
  emulated::dot(0, 4, 6);
  emulated::store(0, operands.sums, 64);
  emulated::release();
}

void multiply_by_processor(Operands &operands) {
  const TileScope scope;
  load_tile<0>(operands.sums, 64);
  load_tile<4>(operands.left, 64);
  load_tile<6>(operands.right, 64);
  add_tile_product<0, 4, 6>();
  store_tile<0>(operands.sums, 64);
}

void check_sums() {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    Operands operands = random_operands(random, false);
    const Operands before = operands;
    multiply_emulated(operands);
    for (int m = 0; m < 16; ++m) {
      for (int n = 0; n < 16; ++n) {
        double sum = before.sums[m][n], size = std::fabs(sum);
        for (int k = 0; k < 32; ++k) {
          const double product = double(to_float(before.left[m][k])) * to_float(before.right[k / 2][2 * n + k % 2]);
          sum += product;
          size += std::fabs(product);
        }
        expect(std::fabs(sum - operands.sums[m][n]) <= size * 1e-6, "a sum is not that of its products");
      }
    }
  }
}

// The sum at (0, 0) of these pairs of factors, on zero
float sum_of(std::initializer_list<std::pair<float, float>> factors, float sum = 0) {
  Operands operands{};
  int k = 0;
  for (const auto &[a, b] : factors) {
    operands.left[0][k] = to_bf16(a);
    operands.right[k / 2][k % 2] = to_bf16(b);
    ++k;
  }
  operands.sums[0][0] = sum;
  multiply_emulated(operands);
  return operands.sums[0][0];
}

void check_rules() {
  constexpr float kInfinity = INFINITY;
  expect(sum_of({{2, 3}, {4, 5}}, 1) == 27, "2 * 3 + 4 * 5 + 1 is 27");
  expect(sum_of({{0x1p-127f, 0x1p100f}}) == 0, "a factor below 2^-126 counts as zero");
  expect(sum_of({{0x1p-70f, 0x1p-70f}}) == 0, "a sum below 2^-126 becomes zero");
  expect(sum_of({{1, 1}}, 0x1p-130f) == 1, "a sum that was below 2^-126 counts as zero");
  expect(sum_of({{kInfinity, 1}}) == kInfinity, "infinity stays infinity");
  expect(std::isnan(sum_of({{kInfinity, 0}})), "infinity times zero is no number");
  expect(std::isnan(sum_of({{NAN, 1}})), "no number stays no number");
  // Even and odd places have sums of their own: 2^24 would swallow the 1 that follows it at an even place, but not one at an odd place that
  // is cancelled there first.
  expect(sum_of({{0x1p24f, 1}, {0, 0}, {1, 1}, {0, 0}, {-0x1p24f, 1}}) == 0, "an even place is added to those before it");
  expect(sum_of({{0x1p24f, 1}, {1, 1}, {-0x1p24f, 1}, {0, 0}}) == 1, "an odd place has a sum of its own");
}

void check_mistakes() {
  const auto throws = [](const std::function<void()> &mistake) {
    try {
      mistake();
    } catch (const std::logic_error &) {
      emulated::release();
      return true;
    }
    emulated::release();
    return false;
  };
  alignas(64) static char memory[64 * 17];
  expect(throws([] { emulated::zero(0); }), "tiles without a TileScope throw");
  expect(throws([] { emulated::configure(), emulated::configure(); }), "a TileScope within another throws");
  expect(throws([] { emulated::configure(), emulated::load(0, memory + 2, 64); }), "rows that cross lines throw");
  expect(throws([] { emulated::configure(), emulated::store(0, memory, 48); }), "rows that are not whole lines apart throw");
  expect(!throws([] { emulated::configure(), emulated::load(0, memory, 64); }), "whole lines do not throw");
}

void compare_with_processor() {
  std::mt19937 random(2);
  for (int round = 0; round < 400; ++round) {
    Operands ours = random_operands(random, round % 2), theirs = ours;
    multiply_emulated(ours);
    multiply_by_processor(theirs);
    expect(std::memcmp(&ours, &theirs, sizeof(ours)) == 0, "the processor's tiles give other bits");
  }
}

}  // namespace

int main() {
  check_sums();
  check_rules();
  check_mistakes();
  const CpuDescription &cpu = cpu_description();
  const bool has_tiles = cpu.has("amx_tile") && cpu.has("amx_bf16") && allow_tiles();
  if (has_tiles) compare_with_processor();
  std::printf(has_tiles ? "compared with the processor's tiles\n" : "this processor has no tiles\n");
  return wrong == 0 ? 0 : 1;
}
