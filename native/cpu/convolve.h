// Convolution as a matrix product, y = patches filter, for any vector type V of vec.h.
#pragma once

#include <algorithm>

#include "cpu/activations.h"
#include "cpu/patches.h"
#include "cpu/products.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

// The weights as the right factor of a convolution: value (r, s, inner, column) for taps r, s of a patch. Flipped (step < 0), they give dx.
struct FilterOperand {
  const float *first;
  int64_t R, S, inner, columns;
  int64_t row_step, tap_step, inner_step, column_step;

  int64_t size() const { return R * S * inner; }
};

inline void set_factor(float &to, const float *from, int64_t) { to = *from; }
inline void set_factor(Pair &to, const float *from, int64_t step) { to = {to_bf16(from[0]), to_bf16(from[step])}; }

// Packs panels [K, width] of kVectors vectors (the last may be narrower), with zeros past the last column. Panel j begins at j * width * K.
// For pairs `inner` must be even; it counts pairs here.
template <class V, class F>
F *pack(FilterOperand a) {
  const int64_t next = a.inner_step;
  a.inner /= per_factor<F>, a.inner_step *= per_factor<F>;
  constexpr int64_t width = kVectors * lanes<V>;
  F *packed = scratch_of<F>(Scratch::weights, ceil_div(a.columns, lanes<V>) * lanes<V> * a.size());
  constexpr int64_t kInner = 8;  // rows written to all columns of a panel before the next ones, so that their lines stay in the cache
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

// Rows of patches processed together: they fit the second-level cache, small ones the first.
constexpr int64_t block_rows(int64_t K) { return K <= 256 ? 48 : K <= 2304 ? 96 : 48; }

// Splits `rows` for parallel_for into chunks of whole blocks, several blocks where each is little work.
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

// bias (zeros if null) padded to whole vectors, followed by as many zeros
template <class V>
const float *padded_bias(const float *bias, int64_t columns) {
  const int64_t size = ceil_div(columns, lanes<V>) * lanes<V>;
  float *padded = scratch_of(Scratch::bias, 2 * size);
  std::fill_n(padded, 2 * size, 0.0f);
  if (bias) std::copy_n(bias, columns, padded);
  return padded;
}

// What happens to the sums: nothing, or a batch norm with running averages, y =
// activation((sum - mean) * scale + bias + residual).
struct Epilogue {
  const float *mean = nullptr, *scale = nullptr, *bias = nullptr;  // [columns] padded to whole vectors; null: leave the sums as they are
  Floats residual;                                                 // null, or shaped like y [pixels, columns]
  Activation activation = Activation::none;

  explicit operator bool() const { return mean; }
  // The same for `column` and those after it
  Epilogue from(int64_t column) const {
    return *this ? Epilogue{mean + column, scale + column, bias + column, residual ? residual + column : residual, activation} : *this;
  }
  // Applied to `count` sums that go to y[at ...], for columns o and following
  template <class V>
  V apply(V sum, int64_t at, int64_t o, int64_t count) const {
    V y = (sum - load<V>(mean + o)) * load<V>(scale + o) + load<V>(bias + o);
    if (residual) y += load_some<V>(residual + at, count);
    return activated(y, activation);
  }
};

template <class V>
void apply_epilogue(const Epilogue &epilogue, float *y, int64_t first, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; row++, y += columns) {
    for (int64_t o = 0; o < columns; o += lanes<V>) {
      const int64_t count = std::min<int64_t>(lanes<V>, columns - o);
      store_some(y + o, epilogue.apply(load_some<V>(y + o, count), (first + row) * columns + o, o, count), count);
    }
  }
}

// Output pixel (p, q) goes to (p * step + top, q * step + left) of y [N,H,W,columns], which is (p, q) itself if step is 1.
struct Output {
  FloatsOut y;
  int64_t H, W, step, top, left;
  Epilogue epilogue = {};  // only if step is 1
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
void convolve_by_patches(const Patches &patches, int64_t N, const FilterOperand &filter, const float *bias, const Output &out) {
  const F *packed = pack<V, F>(filter);
  const float *padded = padded_bias<V>(bias, filter.columns);
  const Chunks chunks(N * patches.P * patches.Q, patches.size(), filter.columns);
  parallel_for(chunks.count(), [&](int64_t chunk) {
    chunks.for_blocks(chunk, [&](int64_t first, int64_t rows) {
      const bool in_place = out.step == 1 && out.y.storage == Storage::f32;
      float *y = in_place ? out.y.f32() + first * filter.columns : scratch_of(Scratch::block, rows * filter.columns);
      forward_block<V>(rows, gather_factors<V, F>(patches, first, rows), patches.size() / per_factor<F>, packed, padded, filter.columns, y);
      if (out.epilogue) apply_epilogue<V>(out.epilogue, y, first, rows, filter.columns);
      if (!in_place) scatter<V>(y, first, rows, patches, out, filter.columns);
    });
  });
}

}  // namespace
}  // namespace distill
