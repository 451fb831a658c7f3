// The instructions that run.py carries out itself: the emulated tiles (cpu/lowered/tiles.cpp), where each function returns null or what was
// wrong, and a conversion.
#include "cpu/tiles.h"

#include <cmath>
#include <exception>
#include <string>

namespace {

template <class Operation>
const char *message_of(const Operation &operation) {
  static std::string message;
  try {
    operation();
    return nullptr;
  } catch (const std::exception &error) {
    message = error.what();
    return message.c_str();
  }
}

}  // namespace

extern "C" {
using namespace distill;
const char *tile_configure() {
  return message_of([] { emulated::configure(); });
}
const char *tile_release() {
  return message_of([] { emulated::release(); });
}
const char *tile_zero(int tile) {
  return message_of([=] { emulated::zero(tile); });
}
const char *tile_load(int tile, const void *from, int64_t stride) {
  return message_of([=] { emulated::load(tile, from, stride); });
}
const char *tile_store(int tile, void *to, int64_t stride) {
  return message_of([=] { emulated::store(tile, to, stride); });
}
const char *tile_dot(int sums, int left, int right) {
  return message_of([=] { emulated::dot(sums, left, right); });
}

// VCVTNE2PS2BF16: the numbers of `second`, then those of `first`. Those below 2^-126 are zero.
void convert_two(const float *first, const float *second, bf16 *to) {
  bf16 numbers[32];
  for (int i = 0; i < 32; ++i) {
    const float number = i < 16 ? second[i] : first[i - 16];
    numbers[i] = to_bf16(std::fabs(number) < 0x1p-126f ? std::copysign(0.0f, number) : number);
  }
  __builtin_memcpy(to, numbers, sizeof(numbers));
}
}
