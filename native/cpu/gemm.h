// Matrix products for any vector type V of vec.h, summed in fp32. Factors are of type F: numbers in fp32, or pairs of bf16 (pairs.h), of
// which each step along the sum takes two.
//
// The right factor is packed once into panels, a few vectors wide, whose rows follow each other: a tile of the product reads them as
// one stream from the cache. The left factor is read where it lies, one number at a time. A tile takes 24 (12) of the 32 (16)
// registers for sums, more than the latency of the multiplier needs; larger ones were slower. There is no blocking over K: panels
// stay in the second-level cache up to K of a few thousand.
#pragma once

#include "cpu/pairs.h"
#include "cpu/threads.h"
#include "cpu/vec.h"

namespace distill {
namespace {

template <class T>
inline T *array_in_scratch(int slot, int64_t count) {
  return static_cast<T *>(scratch(slot, count * static_cast<int64_t>(sizeof(T))));
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

template <class V>
constexpr int kWidestPanel = lanes<V> == 16 ? 3 : 2;  // vectors
template <class V, int NV>
constexpr int kTileRows = (lanes<V> == 16 ? 24 : 12) / NV;

// A matrix [K,N] cut into panels of 1 to kWidestPanel vectors of columns, as equal as possible. Columns past N are zero.
template <class V, class F = float>
struct Panels {
  int64_t K, N;
  F *data;

  Panels(int slot, int64_t K, int64_t N) : K(K), N(N) {
    const int64_t vectors = ceil_div(N, lanes<V>);
    count_ = ceil_div(vectors, kWidestPanel<V>);
    narrow_ = vectors / count_ * lanes<V>;
    wider_ = vectors % count_;
    data = array_in_scratch<F>(slot, steps() * vectors * lanes<V>);
  }
  int64_t steps() const { return ceil_div(K, per_factor<F>); }
  int64_t count() const { return count_; }
  int64_t first(int64_t panel) const { return panel * narrow_ + least(panel, wider_) * lanes<V>; }  // column
  int64_t width(int64_t panel) const { return narrow_ + (panel < wider_ ? lanes<V> : 0); }
  int64_t columns(int64_t panel) const { return least(width(panel), N - first(panel)); }
  F *begin(int64_t panel) const { return data + first(panel) * steps(); }

 private:
  int64_t count_, narrow_, wider_;  // so many panels, the first `wider_` of them by a vector wider than the others
};

// Rows of a matrix, ld apart, as factors along a sum over the rows. T: const float *, const bf16 * or Floats. They are rounded where the
// other factor is an activation in bf16; pairs always have to be.
template <class T>
struct RowFactors {
  int64_t K;
  T data;
  int64_t ld;
  bool round;

  // Columns j ... j + count - 1 at one step
  template <class V, class F>
  V at(int64_t step, int64_t j, int64_t count) const {
    const auto row = [&](int64_t k) {
      const V v = load_some<V>(data + (k * ld + j), count);
      return round ? rounded(v) : v;
    };
    if constexpr (per_factor<F> == 1)
      return row(step);
    else
      return interleave(row(2 * step), 2 * step + 1 < K ? row(2 * step + 1) : V{});
  }
};

// Fills the rows of all panels from step `begin` to `end`, some rows of a panel after each other.
template <class V, class F, class T>
void pack_rows_of(const Panels<V, F> &panels, int64_t begin, int64_t end, const RowFactors<T> &b) {
  constexpr int64_t kTogether = 8 / per_factor<F>;
  for (; begin < end; begin += kTogether) {
    for (int64_t panel = 0; panel < panels.count(); ++panel) {
      const int64_t first = panels.first(panel), width = panels.width(panel), columns = panels.columns(panel);
      F *to = panels.begin(panel) + begin * width;
      for (int64_t step = begin; step < least(begin + kTogether, end); ++step, to += width) {
        // Rows are too short for the processor to see them coming.
        for (int64_t k = step * per_factor<F>; k < (step + 1) * per_factor<F>; ++k) __builtin_prefetch(b.data + (k + 8) * b.ld + first);
        for (int64_t j = 0; j < width; j += lanes<V>) store(to + j, b.template at<V, F>(step, first + j, least(columns - j, lanes<V>)));
      }
    }
  }
}
// Fills them from b [K,N], rows ldb apart, as factors of a product with an activation stored like that.
template <class V, class F>
void pack_rows(const Panels<V, F> &panels, int64_t begin, int64_t end, Floats b, int64_t ldb, Storage activation) {
  if (b.storage == Storage::f32)
    pack_rows_of(panels, begin, end, RowFactors<const float *>{panels.K, b.f32(), ldb, activation == Storage::bf16});
  else
    pack_rows_of(panels, begin, end, RowFactors<const bf16 *>{panels.K, b.half(), ldb, false});
}

// `count` factors from one on
template <class V, class F, class T>
V load_factors(const T *from, int64_t count) {
  if constexpr (per_factor<F> == 1)
    return load_some<V>(from, count);
  else if constexpr (sizeof(T) == sizeof(bf16))
    return load_some<V>(as_pairs(from), count);
  else
    return load_pairs<V>(from, count);
}

// A square of one vector's side, of which `deep` factors of `columns` rows of b are there, turned: to rows `width` apart
template <class V, class F, class T>
[[gnu::always_inline]] inline void turn_square(const T *b, int64_t ldb, int64_t columns, int64_t deep, F *to, int64_t width) {
  V square[lanes<V>];
#pragma GCC unroll 16
  for (int64_t i = 0; i < lanes<V>; ++i) square[i] = i < columns ? load_factors<V, F>(b + i * ldb, deep) : V{};
  transpose(square);
#pragma GCC unroll 16
  for (int64_t i = 0; i < lanes<V>; ++i) {
    if (i < deep) store(to + i * width, square[i]);
  }
}

// Fills one panel from the transposed matrix, b [N,K], rows ldb apart, square by square. Of pairs K has to be even.
template <class V, class F>
void pack_columns(const Panels<V, F> &panels, int64_t panel, Floats b, int64_t ldb) {
  const int64_t width = panels.width(panel);
  typed(b + panels.first(panel) * ldb, [=, &panels](const auto *from) {
    for (int64_t step = 0; step < panels.steps(); step += lanes<V>) {
      const int64_t deep = least(lanes<V>, panels.steps() - step);
      for (int64_t j = 0; j < width; j += lanes<V>) {
        const int64_t columns = least(lanes<V>, panels.columns(panel) - j);
        const auto *square = from + (j * ldb + step * per_factor<F>);
        F *to = panels.begin(panel) + step * width + j;
        if (deep == lanes<V> && columns == lanes<V>)
          turn_square<V>(square, ldb, lanes<V>, lanes<V>, to, width);
        else
          turn_square<V>(square, ldb, columns, deep, to, width);
      }
    }
  });
}

// Rounds a packed panel to numbers of bf16.
template <class V>
void round_panel(const Panels<V> &panels, int64_t panel) {
  float *at = panels.begin(panel);
  for (int64_t i = 0; i < panels.K * panels.width(panel); i += lanes<V>) store(at + i, rounded(load<V>(at + i)));
}

// How the left factor lies: a[row * lda + step] or, transposed, a[step * lda + row].
enum class Left { rows, columns };

template <class V, Left left, int MR, int NV, class F>
[[gnu::noinline]] void multiply_tile(int64_t steps, const F *a, int64_t lda, const F *panel, float *tile) {
  V sums[MR][NV] = {};
#pragma GCC unroll 2
  for (int64_t step = 0; step < steps; ++step, panel += NV * lanes<V>) {
    V row[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) row[j] = load<V>(panel + j * lanes<V>);
#pragma GCC unroll 24
    for (int i = 0; i < MR; ++i) {
      const V x = broadcast<V>(left == Left::rows ? a[i * lda + step] : a[step * lda + i]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) add_product<F>(sums[i][j], x, row[j]);
    }
  }
#pragma GCC unroll 24
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) store(tile + (i * NV + j) * lanes<V>, sums[i][j]);
  }
}

// finish(row, column, count, V) gets the first `count` lanes of a vector of the product. It is inlined twice, once knowing that `count` is
// all lanes.
template <class V, Left left, int NV, int MR = kTileRows<V, NV>, class F, class Finish>
void multiply_panel(int64_t row, int64_t end, const F *a, int64_t lda, const Panels<V, F> &panels, int64_t panel, const Finish &finish) {
  alignas(64) float tile[MR * NV * lanes<V>];
  const int64_t first = panels.first(panel), columns = panels.columns(panel);
  for (; row + MR <= end; row += MR) {
    multiply_tile<V, left, MR, NV>(panels.steps(), a + (left == Left::rows ? row * lda : row), lda, panels.begin(panel), tile);
    const auto vector = [&](int64_t i, int64_t j) { return load<V>(tile + (i * NV + j) * lanes<V>); };
    if (columns == NV * lanes<V>) {
      for (int64_t i = 0; i < MR; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, lanes<V>, vector(i, j));
    } else {
      for (int64_t i = 0; i < MR; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, least(columns - j * lanes<V>, lanes<V>), vector(i, j));
    }
  }
  if constexpr (MR > 1) {
    if (row < end) multiply_panel<V, left, NV, MR == 3 ? 2 : MR / 2>(row, end, a, lda, panels, panel, finish);
  }
}

// The left factor of a product over long columns, given transposed, a [K,M]: cut into strips of as many rows as a tile is high, [strip]
// [step][height], which a tile reads as one stream too. Rows past M are zero.
template <class V, class F = float>
struct Strips {
  static constexpr int height = kTileRows<V, kWidestPanel<V>>;
  int64_t K, M;
  F *data;

  Strips(int slot, int64_t K, int64_t M) : K(K), M(M), data(array_in_scratch<F>(slot, (count() + 1) * steps() * height + lanes<V>)) {}
  int64_t steps() const { return ceil_div(K, per_factor<F>); }
  int64_t count() const { return ceil_div(M, height); }
  F *begin(int64_t strip) const { return data + strip * steps() * height; }
};

// Fills all strips from a [K,M], rows lda apart, as factors of a product with an activation stored like that.
template <class V, class F>
void pack_strips(const Strips<V, F> &strips, Floats a, int64_t lda, Storage activation) {
  // A vector goes to two strips, or is wider than one: what it writes too much is written again by the next.
  constexpr int height = Strips<V, F>::height, kAtOnce = lanes<V> / height;
  static_assert(kAtOnce == 1 || (kAtOnce == 2 && lanes<V> == 2 * height));
  typed(a, [&](const auto *numbers) {
    const RowFactors<decltype(numbers)> rows{strips.K, numbers, lda, a.storage != activation};
    for (int64_t strip = 0; strip < strips.count(); strip += kAtOnce) {
      const int64_t row = strip * height, count = least(strips.M - row, lanes<V>);
      F *to = strips.begin(strip), *next = strips.begin(strip + 1);
      for (int64_t step = 0; step < strips.steps(); ++step, to += height, next += height) {
        // What the strips after the next ones begin with: rows are too far apart for the processor to see it coming.
        for (int64_t k = step * per_factor<F>; k < (step + 1) * per_factor<F>; ++k)
          __builtin_prefetch(numbers + k * lda + row + 2 * lanes<V>);
        const V v = rows.template at<V, F>(step, row, count);
        if constexpr (kAtOnce == 2) {
          store(to, low_half(v));
          store(next, high_half(v));
        } else {
          store(to, v);
        }
      }
    }
  });
}

// Hands every vector of the product of the strips and the packed matrix to finish(row, column, count, V), which is inlined twice, once
// knowing that `count` is all lanes.
template <class V, int NV, class F, class Finish>
void multiply_strips_by_panel(const Strips<V, F> &strips, const Panels<V, F> &panels, int64_t panel, const Finish &finish) {
  constexpr int height = Strips<V, F>::height;
  alignas(64) float tile[height * NV * lanes<V>];
  const int64_t first = panels.first(panel), columns = panels.columns(panel);
  for (int64_t strip = 0; strip < strips.count(); ++strip) {
    multiply_tile<V, Left::columns, height, NV>(panels.steps(), strips.begin(strip), height, panels.begin(panel), tile);
    const int64_t row = strip * height, rows = least(height, strips.M - row);
    const auto vector = [&](int64_t i, int64_t j) { return load<V>(tile + (i * NV + j) * lanes<V>); };
    if (rows == height && columns == NV * lanes<V>) {
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, lanes<V>, vector(i, j));
    } else {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < NV; ++j) finish(row + i, first + j * lanes<V>, least(columns - j * lanes<V>, lanes<V>), vector(i, j));
    }
  }
}

template <class V, class F, class Finish>
void multiply_strips(const Strips<V, F> &strips, const Panels<V, F> &panels, const Finish &finish) {
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    const int64_t vectors = panels.width(panel) / lanes<V>;
    if (vectors == 1) multiply_strips_by_panel<V, 1>(strips, panels, panel, finish);
    if (vectors == 2) multiply_strips_by_panel<V, 2>(strips, panels, panel, finish);
    if constexpr (kWidestPanel<V> == 3) {
      if (vectors == 3) multiply_strips_by_panel<V, 3>(strips, panels, panel, finish);
    }
  }
}

// Rows begin ... end - 1 of the product of a [M,K] and the packed matrix, handed to `finish` vector by vector.
template <class V, Left left = Left::rows, class F, class Finish>
void multiply_rows(int64_t begin, int64_t end, const F *a, int64_t lda, const Panels<V, F> &panels, const Finish &finish) {
  for (int64_t panel = 0; panel < panels.count(); ++panel) {
    const int64_t vectors = panels.width(panel) / lanes<V>;
    if (vectors == 1) multiply_panel<V, left, 1>(begin, end, a, lda, panels, panel, finish);
    if (vectors == 2) multiply_panel<V, left, 2>(begin, end, a, lda, panels, panel, finish);
    if constexpr (kWidestPanel<V> == 3) {
      if (vectors == 3) multiply_panel<V, left, 3>(begin, end, a, lda, panels, panel, finish);
    }
  }
}

}  // namespace
}  // namespace distill
