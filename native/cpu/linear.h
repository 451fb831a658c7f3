// The fully connected layer as matrix products, for any vector type V of vec.h.
#pragma once

#include "cpu/gelu.h"
#include "cpu/gemm.h"
#include "cpu/threads.h"

namespace distill {
namespace {

enum LinearScratch { kPackedWeight, kPackedRows };

// Rows of the left factor that are worked on together: a multiple of every tile height, and few enough to stay in cache.
constexpr int64_t kRowBlock = 96;

template <class V>
Panels<V> panels_in_scratch(int slot, int64_t K, int64_t N) {
  return {K, N, static_cast<float *>(scratch(slot, Panels<V>::size(K, N) * static_cast<int64_t>(sizeof(float))))};
}

// Hands every vector of the product of a [M,K] and the packed matrix to finish(row, column, count, V).
template <class V, class Finish>
void multiply_blocks(int64_t M, const float *a, const Panels<V> &panels, const Finish &finish) {
  parallel_for(ceil_div(M, kRowBlock),
               [&](int64_t block) { multiply_rows(block * kRowBlock, least(M, (block + 1) * kRowBlock), a, panels.K, panels, finish); });
}

template <class V>
void linear_forward(const LinearForward &op) {
  const auto weight = panels_in_scratch<V>(kPackedWeight, op.I, op.O);
  parallel_for(weight.count(), [&](int64_t panel) { pack_columns(weight, panel, op.weight, op.I); });
  multiply_blocks(op.M, op.x, weight, [&](int64_t m, int64_t o, int64_t count, V h) {
    const int64_t at = m * op.O + o;
    if (op.bias) h += load_some<V>(op.bias + o, count);
    if (op.gelu || op.gelu_grad) {
      const Gelu<V> g = gelu(h);
      if (op.gelu) h = g.value;
      if (op.gelu_grad) store_some(op.gelu_grad + at, g.derivative, count);
    }
    if (op.residual) h += load_some<V>(op.residual + at, count);
    store_some(op.y + at, h, count);
  });
}

template <class V>
void linear_backward_input(const LinearBackwardInput &op) {
  const auto weight = panels_in_scratch<V>(kPackedWeight, op.O, op.I);
  parallel_for(weight.count(), [&](int64_t panel) { pack_rows(weight, panel, op.weight, op.I); });
  multiply_blocks(op.M, op.dy, weight, [&](int64_t m, int64_t i, int64_t count, V dx) { store_some(op.dx + m * op.I + i, dx, count); });
}

// Sum of the rows of dy, columns first ... first + count - 1. Stripes bound the rounding error of long sums.
template <class V>
V column_sums(const float *dy, int64_t M, int64_t O, int64_t first, int64_t count) {
  constexpr int64_t kStripe = 256;
  V total{};
  for (int64_t begin = 0; begin < M; begin += kStripe) {
    V sum{};
    for (int64_t m = begin; m < least(M, begin + kStripe); ++m) sum += load_some<V>(dy + m * O + first, count);
    total += sum;
  }
  return total;
}

// dweight = dy^T x, summed over stripes of rows of x that are packed into scratch. A thread takes a panel of columns of x and a block
// of rows of dweight: no two add to the same number.
template <class V>
void linear_backward_weight(const LinearBackwardWeight &op) {
  constexpr int64_t kStripe = 384;
  const Panels<V> whole{kStripe, op.I, nullptr};
  const int64_t blocks = ceil_div(op.O, kRowBlock);
  parallel_for(whole.count() * blocks, [&](int64_t chunk) {
    const int64_t panel = chunk / blocks, first = whole.first(panel), block = chunk % blocks * kRowBlock;
    for (int64_t m = 0; m < op.M; m += kStripe) {
      const auto stripe = panels_in_scratch<V>(kPackedRows, least(kStripe, op.M - m), whole.columns(panel));
      pack_rows(stripe, 0, op.x + m * op.I + first, op.I);
      multiply_rows<V, Left::columns>(block, least(op.O, block + kRowBlock), op.dy + m * op.O, op.O, stripe,
                                      [&](int64_t o, int64_t i, int64_t count, V sum) {
                                        float *to = op.dweight + o * op.I + first + i;
                                        store_some(to, m > 0 ? load_some<V>(to, count) + sum : sum, count);
                                      });
    }
  });
  if (!op.dbias) return;
  parallel_for(ceil_div(op.O, lanes<V>), [&](int64_t vector) {
    const int64_t first = vector * lanes<V>, count = least(lanes<V>, op.O - first);
    store_some(op.dbias + first, column_sums<V>(op.dy, op.M, op.O, first, count), count);
  });
}

}  // namespace
}  // namespace distill
