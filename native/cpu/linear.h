// The fully connected layer as matrix products, for any vector type V of vec.h.
#pragma once

#include "cpu/gelu.h"
#include "cpu/gemm.h"
#include "cpu/threads.h"

namespace distill {
namespace {

enum LinearScratch { kPackedWeight, kPackedRows, kPackedGradient, kLeftRows, kParts, kPackedSecondWeight };

// Rows of the left factor processed together: a multiple of every tile height, and few enough to stay in the cache.
constexpr int64_t kRowBlock = 96;

// `count` numbers of a as the left factor of a product with an activation of that storage: in place, or a copy.
template <class V, class F>
const F *left_factors(Floats a, Storage activation, int64_t count) {
  if constexpr (per_factor<F> == 2) {
    if (a.storage == Storage::bf16) return as_pairs(a.as_bf16());
    bf16 *copy = array_in_scratch<bf16>(kLeftRows, count);
    convert_run<V>(a, count, copy);
    return as_pairs(copy);
  } else {
    if (a.storage == Storage::f32 && activation == Storage::f32) return a.f32();
    float *copy = array_in_scratch<float>(kLeftRows, count);
    copy_factors<V>(a, Storage::bf16, count, copy);
    return copy;
  }
}

// Passes every vector of the product of a [M,K], an activation or its gradient, and the packed matrix to finish(row, column, count, V).
// K must be even for pairs.
template <class V, class F, class Finish>
void multiply_blocks(int64_t M, Floats a, Storage activation, const Panels<V, F> &panels, const Finish &finish) {
  parallel_for(ceil_div(M, kRowBlock), [&](int64_t block) {
    const int64_t begin = block * kRowBlock, rows = least(M - begin, kRowBlock), K = panels.K;
    multiply_rows(
        0, rows, left_factors<V, F>(a + begin * K, activation, rows * K), panels.steps(),
        panels, [=](int64_t row, int64_t column, int64_t count, V v) __attribute__((always_inline)) {
          finish(begin + row, column, count, v);
        });
  });
}

template <class V, class F = float>
void linear_forward(const LinearForward &op) {
  const Panels<V, F> weight(kPackedWeight, op.I, op.O);
  parallel_for(weight.count(), [&](int64_t panel) {
    pack_columns(weight, panel, {op.weight}, op.I);
    if constexpr (per_factor<F> == 1) {
      if (op.x.storage == Storage::bf16) round_panel(weight, panel);
    }
  });
  multiply_blocks(
      op.M, op.x, op.x.storage, weight, [=](int64_t m, int64_t o, int64_t count, V h) __attribute__((always_inline)) {
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

template <class V, class F = float>
void linear_backward_input(const LinearBackwardInput &op) {
  const Panels<V, F> weight(kPackedWeight, op.O, op.I);
  constexpr int64_t kSteps = kRowBlock / per_factor<F>;
  parallel_for(ceil_div(weight.steps(), kSteps), [&](int64_t block) {
    pack_rows(weight, block * kSteps, least(weight.steps(), (block + 1) * kSteps), {op.weight}, op.I, op.dx.storage);
  });
  multiply_blocks(
      op.M, op.dy, op.dx.storage, weight, [=](int64_t m, int64_t i, int64_t count, V dx) __attribute__((always_inline)) {
        const int64_t at = m * op.I + i;
        if (op.gelu_grad) dx *= load_some<V>(op.gelu_grad + at, count);
        store_some(op.dx + at, dx, count);
      });
}

inline float sum_of(float number) { return number; }
inline float sum_of(Pair pair) { return to_float(pair.first) + to_float(pair.second); }

// to[o] = (first ? 0 : to[o]) + the sum over k of each row of the strips
template <class V, class F>
void sum_strips(const Strips<V, F> &strips, float *to, bool first) {
  // Each sum takes every fourth number of a row, so that additions do not wait for each other
  constexpr int height = Strips<V, F>::height, kTogether = 4 * height;
  const int64_t size = strips.steps() * height, whole = size / kTogether * kTogether;
  for (int64_t strip = 0; strip < strips.count(); ++strip) {
    const F *factors = strips.begin(strip);
    float sums[kTogether] = {};
    for (int64_t at = 0; at < whole; at += kTogether)
      for (int i = 0; i < kTogether; ++i) sums[i] += sum_of(factors[at + i]);
    for (int64_t i = 0; i < size - whole; ++i) sums[i] += sum_of(factors[whole + i]);
    for (int64_t i = 0, o = strip * height; i < least(height, strips.M - o); ++i) {
      const float sum = (sums[i] + sums[height + i]) + (sums[2 * height + i] + sums[3 * height + i]);
      to[o + i] = first ? sum : to[o + i] + sum;
    }
  }
}

// How dweight = dy^T x is split. dweight is split into blocks, and the rows of x and dy into parts, whose sums are added in order. The
// number of parts is one or a multiple of four, so that up to four threads share the work evenly. A part is processed in stripes that,
// packed, fit the second-level cache.
struct WeightSplit {
  static constexpr int64_t kInputs = 192, kOutputs = 192, kPart = 2048, kStripe = 192;
  int64_t M, I, O, parts, rows, stripe;

  WeightSplit(int64_t M, int64_t I, int64_t O) : M(M), I(I), O(O) {
    parts = M <= kPart ? 1 : 4 * ceil_div(M, 4 * kPart);
    rows = ceil_div(M, parts);
    stripe = ceil_div(rows, ceil_div(rows, kStripe));
  }
  int64_t blocks() const { return ceil_div(I, kInputs) * ceil_div(O, kOutputs); }
};

// Sums one part of one block of dweight [O,I] and, with the first inputs, of dbias [O].
template <class V, class F>
void add_up_block(const LinearBackwardWeight &op, const WeightSplit &split, int64_t part, int64_t i0, int64_t o0, float *dweight,
                  float *dbias) {
  const int64_t inputs = least(split.kInputs, op.I - i0), outputs = least(split.kOutputs, op.O - o0);
  const int64_t begin = part * split.rows, end = least(op.M, begin + split.rows);
  for (int64_t m = begin; m < end; m += split.stripe) {
    const int64_t rows = least(split.stripe, end - m);
    const bool first = m == begin;
    const Panels<V, F> x(kPackedRows, rows, inputs);
    pack_rows(x, 0, x.steps(), op.x + (m * op.I + i0), op.I, op.x.storage);
    const Strips<V, F> dy(kPackedGradient, rows, outputs);
    pack_strips(dy, op.dy + (m * op.O + o0), op.O, op.x.storage);
    const int64_t next = m + rows, coming = least(split.stripe, end - next), tiles = dy.count() * x.count();
    ComingRows coming_x(op.x + (next * op.I + i0), coming, inputs, op.I, tiles);
    ComingRows coming_dy(op.dy + (next * op.O + o0), coming, outputs, op.O, tiles);
    multiply_strips(
        dy, x, [ =, to = dweight + o0 * op.I + i0, I = op.I ](int64_t o, int64_t i, int64_t count, V sum) __attribute__((always_inline)) {
          float *at = to + o * I + i;
          store_some(at, first ? sum : load_some<V>(at, count) + sum, count);
        },
        [&] { coming_x(), coming_dy(); });
    if (dbias && i0 == 0) sum_strips(dy, dbias + o0, first);
  }
}

// sum [size] += parts [count][size], in order
template <class V>
void add_parts(float *sum, const float *parts, int64_t count, int64_t size) {
  for_each_vector<V>(size, [=](int64_t i, int64_t some) {
    V total = load_some<V>(sum + i, some);
    for (int64_t part = 0; part < count; ++part) total += load_some<V>(parts + part * size + i, some);
    store_some(sum + i, total, some);
  });
}

template <class V, class F = float>
void linear_backward_weight(const LinearBackwardWeight &op) {
  const WeightSplit split(op.M, op.I, op.O);
  const int64_t size = op.O * op.I, others = split.parts - 1, across = ceil_div(op.O, split.kOutputs);
  float *parts = array_in_scratch<float>(kParts, others * (size + op.O)), *bias_parts = parts + others * size;
  // The blocks of a part follow each other, because they read the same rows.
  parallel_for(split.parts * split.blocks(), [&](int64_t chunk) {
    const int64_t part = chunk / split.blocks(), block = chunk % split.blocks();
    float *dweight = part ? parts + (part - 1) * size : op.dweight;
    float *dbias = part && op.dbias ? bias_parts + (part - 1) * op.O : op.dbias;
    add_up_block<V, F>(op, split, part, block / across * split.kInputs, block % across * split.kOutputs, dweight, dbias);
  });
  if (!others) return;
  add_parts<V>(op.dweight, parts, others, size);
  if (op.dbias) add_parts<V>(op.dbias, bias_parts, others, op.O);
}

}  // namespace
}  // namespace distill
