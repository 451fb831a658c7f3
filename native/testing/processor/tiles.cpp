// The emulated tiles (cpu/lowered/tiles.cpp) for run.py. Each function returns null, or what was wrong.
#include "cpu/tiles.h"

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
const char *tile_configure() { return message_of([] { emulated::configure(); }); }
const char *tile_release() { return message_of([] { emulated::release(); }); }
const char *tile_zero(int tile) { return message_of([=] { emulated::zero(tile); }); }
const char *tile_load(int tile, const void *from, int64_t stride) { return message_of([=] { emulated::load(tile, from, stride); }); }
const char *tile_store(int tile, void *to, int64_t stride) { return message_of([=] { emulated::store(tile, to, stride); }); }
const char *tile_dot(int sums, int left, int right) { return message_of([=] { emulated::dot(sums, left, right); }); }
}
