// How work over the elements of a tensor is split.
#pragma once

#include <cstdint>

#include "cpu/threads.h"

namespace distill {

// Calls body(begin, end) for ranges that cover [0, size), long enough to pay for waking a thread.
template <class Body>
void for_each_range(int64_t size, const Body &body) {
  constexpr int64_t kLength = 16384;
  parallel_for((size + kLength - 1) / kLength,
               [&](int64_t chunk) { body(chunk * kLength, chunk * kLength + kLength < size ? chunk * kLength + kLength : size); });
}

}  // namespace distill
