// For kernels that read and write fp32 only: what is stored in bf16 goes by way of a copy, in scratch of the calling thread.
#pragma once

#include "cpu/patches.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

constexpr int64_t kCopyRange = 16384;

// Calls body(begin, count) for ranges that cover [0, size).
template <class Body>
void for_each_copy_range(int64_t size, const Body &body) {
  parallel_for((size + kCopyRange - 1) / kCopyRange, [&](int64_t range) {
    const int64_t begin = range * kCopyRange;
    body(begin, size - begin < kCopyRange ? size - begin : kCopyRange);
  });
}

template <class V>
Floats fp32_copy(Scratch slot, Floats x, int64_t size) {
  if (x.storage == Storage::f32) return x;
  float *copy = scratch_of(slot, size);
  for_each_copy_range(size, [&](int64_t begin, int64_t count) { copy_factors<V>(x + begin, x.storage, count, copy + begin); });
  return {copy, Storage::f32};
}

// Runs write(FloatsOut in fp32).
template <class V, class Write>
void write_in_fp32(Scratch slot, FloatsOut y, int64_t size, const Write &write) {
  if (y.storage == Storage::f32) return write(y);
  float *copy = scratch_of(slot, size);
  write(FloatsOut{copy, Storage::f32});
  for_each_copy_range(size, [&](int64_t begin, int64_t count) { convert_run<V>(copy + begin, count, y + begin); });
}

}  // namespace
}  // namespace distill
