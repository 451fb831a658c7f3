// The products of convolution on blocks of patches laid out in slabs (patches.h), for any vector type V of vec.h. Products of patches with
// weights take factors of type F, as in gemm.h; K counts factors.
#pragma once

#include <algorithm>

#include "cpu/pairs.h"
#include "cpu/patches.h"
#include "cpu/vec.h"

namespace distill {
namespace {

// c [MR, NV vectors] += a(i), found at a[i * distance], times NV vectors of b, `ldb` apart
template <class V, int MR, int NV, int distance, class F>
inline void multiply(const F *a, const F *b, int64_t ldb, V (&c)[MR][NV]) {
  if constexpr (MR < NV) {
    V column[MR];
#pragma GCC unroll 24
    for (int i = 0; i < MR; i++) column[i] = broadcast<V>(a[i * distance]);
#pragma GCC unroll 6
    for (int j = 0; j < NV; j++) {
      const V row = load<V>(b + j * ldb);
#pragma GCC unroll 24
      for (int i = 0; i < MR; i++) add_product<F>(c[i][j], column[i], row);
    }
    return;
  }
  V row[NV];
#pragma GCC unroll 6
  for (int j = 0; j < NV; j++) row[j] = load<V>(b + j * ldb);
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
    const V x = broadcast<V>(a[i * distance]);
#pragma GCC unroll 6
    for (int j = 0; j < NV; j++) add_product<F>(c[i][j], x, row[j]);
  }
}

constexpr int kVectors = 4;  // in the width of a tile, at most
template <class V, int NV>
constexpr int tile_rows = kSumRegisters<V> / NV;
// For weight gradients the rows of a tile must divide a slab: they are half of it, or all 4 of 4 lanes.
template <class V>
constexpr int kWeightRows = lanes<V> == 4 ? 4 : lanes<V> / 2;
template <class V>
constexpr int kWeightVectors = kSumRegisters<V> / kWeightRows<V>;

// What a product is added to: rows `ld` apart, or the same row for all (a bias) if ld is 0.
struct Addend {
  const float *rows;
  int64_t ld;
};

template <class V, int MR, int NV>
inline void store_rows(const V (&c)[MR][NV], float *to, int64_t ld) {
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 6
    for (int j = 0; j < NV; j++) store(to + i * ld + j * lanes<V>, c[i][j]);
  }
}

// y [MR, columns] = addend + patches [MR of slab / lanes, K] panel [K, NV vectors]
template <class V, int MR, int NV, class F>
[[gnu::noinline]] void forward_tile(int64_t K, const F *patches, int64_t slab, const F *panel, Addend addend, float *y, int64_t ldy,
                                    int64_t columns) {
  V c[MR][NV];
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 6
    for (int j = 0; j < NV; j++) c[i][j] = load<V>(addend.rows + i * addend.ld + j * lanes<V>);
  }
  // A do loop keeps the sums in registers, because the compiler need not allow for zero iterations. K may still be 0.
  do {
    const int64_t steps = std::min<int64_t>(K, lanes<V>);
#pragma GCC unroll kStepsAtOnce
    for (int64_t k = 0; k < steps; k++, panel += NV * lanes<V>) multiply<V, MR, NV, lanes<V>>(patches + k, panel, lanes<V>, c);
    K -= lanes<V>, patches += slab;
  } while (K > 0);
  if (columns == NV * lanes<V>) return store_rows(c, y, ldy);
  alignas(64) float rows[MR * NV * lanes<V>];
  store_rows(c, rows, NV * lanes<V>);
  for (int i = 0; i < MR; i++) copy_run<V>(rows + i * NV * lanes<V>, columns, y + i * ldy);
}

template <class V, int NV, class F, int MR = tile_rows<V, NV>>
void forward_rows(int64_t rows, int64_t K, const F *patches, int64_t slab, const F *panel, Addend addend, float *y, int64_t ldy,
                  int64_t columns) {
  for (; rows >= MR; rows -= MR, patches += MR * lanes<V>, addend.rows += MR * addend.ld, y += MR * ldy)
    forward_tile<V, MR, NV>(K, patches, slab, panel, addend, y, ldy, columns);
  if constexpr (MR > 1) {
    if (rows) forward_rows<V, NV, F, MR - 1>(rows, K, patches, slab, panel, addend, y, ldy, columns);
  }
}

// One panel of at most kVectors vectors: y [rows, columns] = addend + patches [rows, K] panel
template <class V, class F>
void forward_panel(int64_t rows, int64_t K, const F *patches, int64_t slab, const F *panel, Addend addend, float *y, int64_t ldy,
                   int64_t columns) {
  const auto forward = columns > 3 * lanes<V>   ? forward_rows<V, 4, F>
                       : columns > 2 * lanes<V> ? forward_rows<V, 3, F>
                       : columns > lanes<V>     ? forward_rows<V, 2, F>
                                                : forward_rows<V, 1, F>;
  forward(rows, K, patches, slab, panel, addend, y, ldy, columns);
}

// y [rows, columns] = patches [rows, K] weights + bias (padded to whole vectors)
template <class V, class F>
void forward_block(int64_t rows, const F *patches, int64_t K, const F *packed, const float *bias, int64_t columns, float *y) {
  constexpr int64_t width = kVectors * lanes<V>;
  // One piece of K at a time, so that patches stay in the second-level cache while all panels use them. Meanwhile sums are stored in y,
  // whose rows must be whole vectors for that.
  const int64_t depth = columns % lanes<V> == 0 ? 256 : K;
  int64_t k = 0;
  do {  // at least once: K is 0 for inputs that a stride skips
    for (int64_t first = 0; first < columns; first += width) {
      const int64_t wide = std::min(width, columns - first), ld = ceil_div(wide, lanes<V>) * lanes<V>;
      const Addend addend = k ? Addend{y + first, columns} : Addend{bias + first, 0};
      forward_panel<V>(rows, std::min(depth, K - k), patches + k * rows, rows * lanes<V>, packed + first * K + k * ld, addend, y + first,
                       columns, wide);
    }
    k += depth;
  } while (k < K);
}

// sum [MR, NV vectors] += dy^T [MR, rows] patches [rows, NV slabs]; rows of dy are lddy apart
template <class V, int MR, int NV>
[[gnu::noinline]] void weight_tile(int64_t rows, const float *dy, int64_t lddy, const float *patches, int64_t slab, float *sum,
                                   int64_t ldsum) {
  V c[MR][NV] = {};
#pragma GCC unroll kStepsAtOnce
  for (int64_t row = 0; row < rows; row++) multiply<V, MR, NV, 1>(dy + row * lddy, patches + row * lanes<V>, slab, c);
#pragma GCC unroll 24
  for (int i = 0; i < MR; i++) {
#pragma GCC unroll 6
    for (int j = 0; j < NV; j++) {
      float *to = sum + i * ldsum + j * lanes<V>;
      store(to, load<V>(to) + c[i][j]);
    }
  }
}

// sum [O, K], rows ldsum apart, += dy^T [O, rows] patches [rows, K], both factors in slabs of `slab` floats
template <class V, int NV>
void weight_panel_rows(int64_t rows, int64_t slab, const float *dy, int64_t O, const float *patches, float *sum, int64_t ldsum) {
  constexpr int MR = NV == 1 ? lanes<V> : kWeightRows<V>;
  for (int64_t o = 0; o < O; o += MR)
    weight_tile<V, MR, NV>(rows, dy + o / lanes<V> * slab + o % lanes<V>, lanes<V>, patches, slab, sum + o * ldsum, ldsum);
}
// The same for `wide` slabs of patches, at most NV
template <class V, int NV = kWeightVectors<V>>
void weight_panel(int64_t wide, int64_t rows, int64_t slab, const float *dy, int64_t O, const float *patches, float *sum, int64_t ldsum) {
  if (wide == NV) return weight_panel_rows<V, NV>(rows, slab, dy, O, patches, sum, ldsum);
  if constexpr (NV > 1) weight_panel<V, NV - 1>(wide, rows, slab, dy, O, patches, sum, ldsum);
}

template <class V>
void weight_block(int64_t rows, int64_t slab, const float *dy, int64_t O, const float *patches, int64_t K, float *sum, int64_t ldsum) {
  const int64_t vectors = ceil_div(K, lanes<V>);
  for (int64_t first = 0; first < vectors; first += kWeightVectors<V>)
    weight_panel<V>(std::min<int64_t>(kWeightVectors<V>, vectors - first), rows, slab, dy, O, patches + first * slab,
                    sum + first * lanes<V>, ldsum);
}

}  // namespace
}  // namespace distill
