// The fully connected layer as matrix products, for any vector type V of vec.h.
#pragma once

#include "cpu/gelu.h"
#include "cpu/gemm.h"
#include "cpu/threads.h"

namespace distill {
namespace {

enum LinearScratch { kPackedWeight, kPackedRows, kPackedGradient, kLeftRows };

// Rows of the left factor that are worked on together: a multiple of every tile height, and few enough to stay in cache.
constexpr int64_t kRowBlock = 96;

template <class V>
Panels<V> panels_in_scratch(int slot, int64_t K, int64_t N) {
  return {K, N, static_cast<float *>(scratch(slot, Panels<V>::size(K, N) * static_cast<int64_t>(sizeof(float))))};
}

// The weight [O,I] packed as a right factor [K,N] by pack(panels, panel), for a product with an activation stored like that.
template <class V, class Pack>
Panels<V> packed_weight(int64_t K, int64_t N, Storage activation, const Pack &pack) {
  const auto panels = panels_in_scratch<V>(kPackedWeight, K, N);
  parallel_for(panels.count(), [&](int64_t panel) {
    pack(panels, panel);
    if (activation == Storage::bf16) round_panel(panels, panel);
  });
  return panels;
}

// Hands every vector of the product of a [M,K], an activation or the gradient of one, and the packed matrix to finish(row, column,
// count, V).
template <class V, class Finish>
void multiply_blocks(int64_t M, Floats a, Storage activation, const Panels<V> &panels, const Finish &finish) {
  parallel_for(ceil_div(M, kRowBlock), [&](int64_t block) {
    const int64_t begin = block * kRowBlock, rows = least(M - begin, kRowBlock), K = panels.K;
    const auto finish_row = [&](int64_t row, int64_t column, int64_t count, V v) { finish(begin + row, column, count, v); };
    if (a.storage == Storage::f32 && activation == Storage::f32) return multiply_rows(0, rows, a.f32() + begin * K, K, panels, finish_row);
    auto *copy = static_cast<float *>(scratch(kLeftRows, rows * K * static_cast<int64_t>(sizeof(float))));
    copy_factors<V>(a + begin * K, Storage::bf16, rows * K, copy);
    multiply_rows(0, rows, copy, K, panels, finish_row);
  });
}

template <class V>
void linear_forward(const LinearForward &op) {
  const auto pack = [&](const Panels<V> &panels, int64_t panel) { pack_columns(panels, panel, {op.weight}, op.I); };
  const auto weight = packed_weight<V>(op.I, op.O, op.x.storage, pack);
  multiply_blocks(op.M, op.x, op.x.storage, weight, [&](int64_t m, int64_t o, int64_t count, V h) {
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
  const auto pack = [&](const Panels<V> &panels, int64_t panel) { pack_rows(panels, panel, {op.weight}, op.I); };
  const auto weight = packed_weight<V>(op.O, op.I, op.dx.storage, pack);
  multiply_blocks(op.M, op.dy, op.dx.storage, weight,
                  [&](int64_t m, int64_t i, int64_t count, V dx) { store_some(op.dx + m * op.I + i, dx, count); });
}

// to[j] = (first ? 0 : to[j]) + sum over k of rows[k * ld + j], for `columns` of j
template <class V>
void sum_rows(int64_t K, const float *rows, int64_t ld, int64_t columns, float *to, bool first) {
  for (int64_t j = 0; j < columns; j += lanes<V>) {
    const int64_t count = least(lanes<V>, columns - j);
    V sum{};
    for (int64_t k = 0; k < K; ++k) sum += load<V>(rows + k * ld + j);
    store_some(to + j, first ? sum : load_some<V>(to + j, count) + sum, count);
  }
}

// dweight = dy^T x, a block of it at a time, summed over stripes of the rows of x and dy that are copied together into scratch.
template <class V>
void linear_backward_weight(const LinearBackwardWeight &op) {
  constexpr int64_t kStripe = 256, kInputs = 192, kOutputs = 96;
  constexpr int64_t kLine = kOutputs + 16;  // an odd number of cache lines: successive rows fall into different sets
  const int64_t blocks = ceil_div(op.O, kOutputs);
  parallel_for(ceil_div(op.I, kInputs) * blocks, [&](int64_t chunk) {
    const int64_t i0 = chunk / blocks * kInputs, o0 = chunk % blocks * kOutputs;
    const int64_t inputs = least(kInputs, op.I - i0), outputs = least(kOutputs, op.O - o0);
    auto *dy = static_cast<float *>(scratch(kPackedGradient, kStripe * kLine * static_cast<int64_t>(sizeof(float))));
    for (int64_t m = 0; m < op.M; m += kStripe) {
      const auto x = panels_in_scratch<V>(kPackedRows, least(kStripe, op.M - m), inputs);
      for (int64_t panel = 0; panel < x.count(); ++panel) pack_rows(x, panel, op.x + m * op.I + i0, op.I);
      for (int64_t k = 0; k < x.K; ++k) copy_factors<V>(op.dy + ((m + k) * op.O + o0), op.x.storage, outputs, dy + k * kLine);
      multiply_rows<V, Left::columns>(0, outputs, dy, kLine, x, [&](int64_t o, int64_t i, int64_t count, V sum) {
        float *to = op.dweight + (o0 + o) * op.I + i0 + i;
        store_some(to, m > 0 ? load_some<V>(to, count) + sum : sum, count);
      });
      if (op.dbias && i0 == 0) sum_rows<V>(x.K, dy, kLine, outputs, op.dbias + o0, m == 0);
    }
  });
}

}  // namespace
}  // namespace distill
