// Convolution as a matrix product, y = patches weights, for any vector type V of vec.h.
#pragma once

#include <algorithm>

#include "cpu/patches.h"
#include "cpu/products.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

// Weights as the right factor: value (r, s, inner, column) for taps r, s of a patch. Turned round (step < 0) they give dx.
struct Weights {
  const float *first;
  int64_t R, S, inner, columns;
  int64_t row_step, tap_step, inner_step, column_step;

  int64_t size() const { return R * S * inner; }
};

inline void set_factor(float &to, const float *from, int64_t) { to = *from; }
inline void set_factor(Pair &to, const float *from, int64_t step) { to = {to_bf16(from[0]), to_bf16(from[step])}; }

// Panels of kVectors vectors (the last may be narrower) of [K, width], zeros past the last column. Panel j begins at j * width * K. For
// pairs `inner` has to be even, and counts them here.
template <class V, class F>
F *pack(Weights a) {
  const int64_t next = a.inner_step;
  a.inner /= per_factor<F>, a.inner_step *= per_factor<F>;
  constexpr int64_t width = kVectors * lanes<V>;
  F *packed = scratch_of<F>(Scratch::weights, ceil_div(a.columns, lanes<V>) * lanes<V> * a.size());
  constexpr int64_t kInner = 8;  // written to all columns of a panel before the next, so that its lines stay in the cache
  const int64_t blocks = ceil_div(a.inner, kInner);
  parallel_for(ceil_div(a.columns, width) * blocks, [&](int64_t index) {
    const int64_t first = index / blocks * width, begin = index % blocks * kInner, end = std::min(a.inner, begin + kInner);
    const int64_t columns = std::min(width, a.columns - first), ld = ceil_div(columns, lanes<V>) * lanes<V>;
    F *panel = packed + first * a.size();
    for (int64_t column = 0; column < ld; column++) {
      for (int64_t i = begin; i < end; i++) {
        const float *from = a.first + (first + column) * a.column_step + i * a.inner_step;
        for (int64_t r = 0; r < a.R; r++) {
          for (int64_t s = 0; s < a.S; s++) {
            F &to = panel[((r * a.S + s) * a.inner + i) * ld + column];
            if (column < columns)
              set_factor(to, from + (r * a.row_step + s * a.tap_step), next);
            else
              to = F{};
          }
        }
      }
    }
  });
  return packed;
}

// Rows of patches that are worked on together: they fit the second-level cache, small ones the first.
constexpr int64_t block_rows(int64_t K) { return K <= 256 ? 48 : K <= 2304 ? 96 : 48; }

// Splits `rows` for parallel_for into whole blocks, several where they are little work.
struct Chunks {
  int64_t rows, block, per_chunk;

  Chunks(int64_t rows, int64_t K, int64_t columns) : rows(rows), block(block_rows(K)) {
    constexpr int64_t kWork = 1 << 21;
    per_chunk = block * std::clamp<int64_t>(kWork / std::max<int64_t>(block * K * columns, 1), 1, 16);
  }
  int64_t count() const { return ceil_div(rows, per_chunk); }
  template <class Body>  // body(first row, rows)
  void for_blocks(int64_t chunk, const Body &body) const {
    const int64_t end = std::min(rows, (chunk + 1) * per_chunk);
    for (int64_t first = chunk * per_chunk; first < end; first += block) body(first, std::min(block, end - first));
  }
};

// bias (or null: zeros) in whole vectors, and as many zeros after it
template <class V>
const float *padded_bias(const float *bias, int64_t columns) {
  const int64_t size = ceil_div(columns, lanes<V>) * lanes<V>;
  float *padded = scratch_of(Scratch::bias, 2 * size);
  std::fill_n(padded, 2 * size, 0.0f);
  if (bias) std::copy_n(bias, columns, padded);
  return padded;
}

// What becomes of the sums: they stay, or a batch norm by running averages ends them, y = relu?((sum - mean) * scale + bias + residual).
struct Ending {
  const float *mean = nullptr, *scale = nullptr, *bias = nullptr;  // [columns] in whole vectors; null: sums stay
  Floats residual;                                                 // null, or like y [pixels, columns]
  bool relu = false;

  explicit operator bool() const { return mean; }
  // For the columns from there on
  Ending from(int64_t column) const {
    return *this ? Ending{mean + column, scale + column, bias + column, residual ? residual + column : residual, relu} : *this;
  }
  // `count` sums that go to y[at ...], of column o and the next
  template <class V>
  V of(V sum, int64_t at, int64_t o, int64_t count) const {
    V y = (sum - load<V>(mean + o)) * load<V>(scale + o) + load<V>(bias + o);
    if (residual) y += load_some<V>(residual + at, count);
    return relu ? y < 0 ? V{} : y : y;
  }
};

template <class V>
void end_rows(const Ending &ending, float *y, int64_t first, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; row++, y += columns) {
    for (int64_t o = 0; o < columns; o += lanes<V>) {
      const int64_t count = std::min<int64_t>(lanes<V>, columns - o);
      store_some(y + o, ending.of(load_some<V>(y + o, count), (first + row) * columns + o, o, count), count);
    }
  }
}

// Output pixel (p, q) goes to (p * step + top, q * step + left) of y [N,H,W,columns]; with step 1 they are the same.
struct Output {
  FloatsOut y;
  int64_t H, W, step, top, left;
  Ending ending = {};  // with step 1
};

template <class V>
void scatter(const float *rows, int64_t first, int64_t count, const Patches &a, const Output &out, int64_t columns) {
  for (int64_t row = first; row < first + count; row++, rows += columns) {
    const int64_t n = row / (a.P * a.Q), h = row / a.Q % a.P * out.step + out.top, w = row % a.Q * out.step + out.left;
    convert_run<V>(rows, columns, out.y + ((n * out.H + h) * out.W + w) * columns);
  }
}

template <class V, class F>
const F *gather_factors(const Patches &patches, int64_t first, int64_t rows) {
  if constexpr (per_factor<F> == 2)
    return gather_pairs<V>(patches, first, rows);
  else
    return gather<V>(patches, first, rows);
}

template <class V, class F>
void convolve_by_patches(const Patches &patches, int64_t N, const Weights &weights, const float *bias, const Output &out) {
  const F *packed = pack<V, F>(weights);
  const float *padded = padded_bias<V>(bias, weights.columns);
  const Chunks chunks(N * patches.P * patches.Q, patches.size(), weights.columns);
  parallel_for(chunks.count(), [&](int64_t chunk) {
    chunks.for_blocks(chunk, [&](int64_t first, int64_t rows) {
      const bool in_place = out.step == 1 && out.y.storage == Storage::f32;
      float *y = in_place ? out.y.f32() + first * weights.columns : scratch_of(Scratch::block, rows * weights.columns);
      forward_block<V>(rows, gather_factors<V, F>(patches, first, rows), patches.size() / per_factor<F>, packed, padded, weights.columns,
                       y);
      if (out.ending) end_rows<V>(out.ending, y, first, rows, weights.columns);
      if (!in_place) scatter<V>(y, first, rows, patches, out, weights.columns);
    });
  });
}

}  // namespace
}  // namespace distill
