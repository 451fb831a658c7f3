// Layer norm for any vector type V of vec.h.
#pragma once

#include "cpu/threads.h"
#include "cpu/vec.h"
#include "ops.h"

namespace distill {
namespace {

constexpr int64_t kNormRows = 64;  // per chunk

// Calls body(first, count) for the vectors of a row.
template <class V, class Body>
inline void for_each_column(int64_t D, const Body &body) {
  int64_t d = 0;
  for (; d + lanes<V> <= D; d += lanes<V>) body(d, lanes<V>);
  if (d < D) body(d, D - d);
}

template <class V>
void normalise_row(const LayerNormForward &op, int64_t m) {
  const Floats x = op.x + m * op.D;
  const float inverse = 1.0f / static_cast<float>(op.D);
  V sum{}, squares{};
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) { sum += load_some<V>(x + d, count); });
  const float mean = reduce_sum(sum) * inverse;
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) {
    const V centred = first_lanes(load_some<V>(x + d, count) - mean, count);
    squares += centred * centred;
  });
  const float rstd = 1.0f / __builtin_sqrtf(reduce_sum(squares) * inverse + op.eps);
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) {
    const V scale = load_some<V>(op.weight + d, count) * rstd;
    store_some(op.y + m * op.D + d, (load_some<V>(x + d, count) - mean) * scale + load_some<V>(op.bias + d, count), count);
  });
  op.mean[m] = mean;
  op.rstd[m] = rstd;
}

// row(op, m) is normalise_row, or what computes the same for some widths.
template <class Row>
void normalise_rows(const LayerNormForward &op, const Row &row) {
  parallel_for((op.M + kNormRows - 1) / kNormRows, [&](int64_t chunk) {
    for (int64_t m = chunk * kNormRows; m < op.M && m < (chunk + 1) * kNormRows; ++m) row(op, m);
  });
}

template <class V>
void layer_norm_forward(const LayerNormForward &op) {
  normalise_rows(op, normalise_row<V>);
}

// With n = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - n mean(g n)). Adds dy n and dy to the chunk's sums [2,D].
template <class V>
void backward_row(const LayerNormBackward &op, int64_t m, float *sums) {
  const Floats x = op.x + m * op.D, dy = op.dy + m * op.D;
  const float inverse = 1.0f / static_cast<float>(op.D);
  const float mean = op.mean[m], rstd = op.rstd[m];
  V sum{}, projected{};
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) {
    const V n = (load_some<V>(x + d, count) - mean) * rstd, slope = load_some<V>(dy + d, count);
    const V g = slope * load_some<V>(op.weight + d, count);
    sum += g;
    projected += g * n;
    store_some(sums + d, load_some<V>(sums + d, count) + slope * n, count);
    store_some(sums + op.D + d, load_some<V>(sums + op.D + d, count) + slope, count);
  });
  const float mean_g = reduce_sum(sum) * inverse, mean_gn = reduce_sum(projected) * inverse;
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) {
    const V n = (load_some<V>(x + d, count) - mean) * rstd;
    const V g = load_some<V>(dy + d, count) * load_some<V>(op.weight + d, count);
    store_some(op.dx + m * op.D + d, (g - mean_g - n * mean_gn) * rstd, count);
  });
}

// row(op, m, sums) is backward_row, or what computes the same for some widths.
template <class V, class Row>
void backward_rows(const LayerNormBackward &op, const Row &row) {
  const int64_t chunks = (op.M + kNormRows - 1) / kNormRows;
  auto *partials = static_cast<float *>(scratch(0, chunks * 2 * op.D * static_cast<int64_t>(sizeof(float))));
  parallel_for(chunks, [&](int64_t chunk) {
    float *sums = partials + chunk * 2 * op.D;
    __builtin_memset(sums, 0, static_cast<size_t>(2 * op.D) * sizeof(float));
    for (int64_t m = chunk * kNormRows; m < op.M && m < (chunk + 1) * kNormRows; ++m) row(op, m, sums);
  });
  for_each_column<V>(op.D, [&](int64_t d, int64_t count) {
    V dweight{}, dbias{};
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const float *sums = partials + chunk * 2 * op.D + d;
      dweight += load_some<V>(sums, count);
      dbias += load_some<V>(sums + op.D, count);
    }
    store_some(op.dweight + d, dweight, count);
    store_some(op.dbias + d, dbias, count);
  });
}

template <class V>
void layer_norm_backward(const LayerNormBackward &op) {
  backward_rows<V>(op, backward_row<V>);
}

}  // namespace
}  // namespace distill
