// Splits work over the elements of a tensor.
#pragma once

#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

// Calls body(begin, end) for ranges that cover [0, size), each long enough to be worth waking a thread.
template <class Body>
void for_each_range(int64_t size, const Body &body) {
  constexpr int64_t kLength = 16384;
  parallel_for((size + kLength - 1) / kLength, [&](int64_t chunk) {
    const int64_t begin = chunk * kLength, end = begin + kLength;
    body(begin, end < size ? end : size);
  });
}

// Calls body(begin, count) for vectors that cover [0, size). All but the last have lanes<V> elements.
template <class V, class Body>
void for_each_vector(int64_t size, const Body &body) {
  for_each_range(size, [&](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + lanes<V> <= end; i += lanes<V>) body(i, lanes<V>);
    if (i < end) body(i, end - i);
  });
}

template <class V>
void add(const Add &op) {
  for_each_vector<V>(op.size, [&](int64_t i, int64_t count) {
    store_some(op.y + i, load_some<V>(op.a + i, count) + load_some<V>(op.b + i, count), count);
  });
}

}  // namespace
}  // namespace distill
